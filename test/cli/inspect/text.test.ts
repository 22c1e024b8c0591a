import { expect, test } from 'vitest'
import { bytesToJson } from '../../../src/cli/inspect/json-presenter.ts'
import { hexDump } from '../../../src/cli/inspect/text.ts'

test('a dump has 16 bytes a line, each line with its place', () => {
  expect(hexDump(Buffer.from('0123456789abcdefg\n'), 0x1f0)).toEqual([
    '000001f0  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|',
    '00000200  67 0a                                            |g.|',
  ])
  expect(hexDump(Buffer.alloc(0), 0)).toEqual([])
})

test('bytes are JSON that can be read back, and harmless on a terminal', () => {
  expect(bytesToJson(null)).toBe('null')
  expect(bytesToJson(Buffer.from('a"b\n'))).toBe('"a\\"b\\n"')
  expect(bytesToJson(Buffer.from([0xff, 0xfe]))).toBe('{"base64":"//4="}')
  expect(bytesToJson(Buffer.from('\u009b2J\u007f'))).toBe('"\\u009b2J\\u007f"')
})
