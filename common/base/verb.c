#include "common/base/verb.h"
