#include "common/base/exit.h"
