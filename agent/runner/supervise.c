#include "common/base/macro.h"
