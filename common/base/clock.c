#include "common/base/clock.h"
