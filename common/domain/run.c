#include "common/domain/run.h"
