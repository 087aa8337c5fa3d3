# -*- coding: utf-7 -*-
x = 1
+AGkAbQBwAG8AcgB0- os
