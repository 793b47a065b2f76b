#include "common/store/pool.h"
