#include "common/forge/forge.h"
