#include "common/domain/transition.h"
