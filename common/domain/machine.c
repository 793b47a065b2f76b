#include "common/domain/machine.h"
