#include "common/domain/class.h"
