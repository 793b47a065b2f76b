#include "common/base/io.h"
