// The test kit: how any differentiable layer, the library's or a user's, is validated. One call,
// check_layer(), asks the questions of check_table() about a Subject and a list of Cases.
// docs/testkit.md is the manual. It needs the library tilewright_testkit and no test framework.
#pragma once

#include "tilewright/testkit/chain.h"
#include "tilewright/testkit/check.h"
#include "tilewright/testkit/counting_store.h"
#include "tilewright/testkit/layers.h"
#include "tilewright/testkit/report.h"
#include "tilewright/testkit/subject.h"
#include "tilewright/testkit/values.h"
