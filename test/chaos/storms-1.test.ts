import { testStorms } from './storm-tests.ts'

testStorms(0)
