#include "common/base/secret.h"
