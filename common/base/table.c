#include "common/base/table.h"
