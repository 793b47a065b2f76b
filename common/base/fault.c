#include "common/base/fault.h"
