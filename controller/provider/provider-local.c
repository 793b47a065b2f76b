#include "controller/provider/provider.h"
