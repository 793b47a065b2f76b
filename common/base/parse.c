#include "common/base/parse.h"
