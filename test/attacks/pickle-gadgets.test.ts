import { table } from './case.ts';
import { GADGETS } from './pickle-gadgets.ts';

table('pickle gadgets', GADGETS);
