import { expect, test } from 'vitest'
import { RecordFormat } from '../../../src/cli/output/format.ts'
import { chooseStyle, type StyleFlags } from '../../../src/cli/read/output-style.ts'
import { InvalidArgumentError } from '../../../src/log/index.ts'

const x = Buffer.from('x')
const format = new RecordFormat('%v')

test.each<[StyleFlags, object]>([
  [{}, { kind: 'delimited', delimiter: Buffer.from('\n') }],
  [{ nul: true }, { kind: 'delimited', delimiter: Buffer.from([0]) }],
  [
    { nul: true, framing: 'nul' },
    { kind: 'delimited', delimiter: Buffer.from([0]) },
  ],
  [{ framing: 'whole' }, { kind: 'delimited', delimiter: Buffer.alloc(0) }],
  [
    { delimiter: x, 'key-delimiter': x },
    { kind: 'delimited', delimiter: x, keyDelimiter: x },
  ],
  [
    { framing: 'u32be', 'key-delimiter': x },
    { kind: 'prefixed', prefix: 'u32be', keyDelimiter: x },
  ],
  [{ framing: 'varint' }, { kind: 'prefixed', prefix: 'varint' }],
  [{ json: true }, { kind: 'json' }],
  [{ format }, { kind: 'format', format }],
])('%j', (flags, style) => {
  expect(chooseStyle(flags)).toEqual(style)
})

test.each<[StyleFlags]>([
  [{ json: true, format }],
  [{ json: true, nul: true }],
  [{ json: true, framing: 'lines' }],
  [{ format, 'key-delimiter': x }],
  [{ format, delimiter: x }],
  [{ nul: true, delimiter: x }],
  [{ nul: true, framing: 'lines' }],
  [{ framing: 'u32be', delimiter: x }],
  [{ framing: 'nul', delimiter: x }],
])('%j says two things', flags => {
  expect(() => chooseStyle(flags)).toThrow(InvalidArgumentError)
})
