import { expect, test } from 'vitest'
import { chooseFraming, type FramingFlags } from '../../../src/cli/framing/choose-framing.ts'
import { JsonLinesFraming } from '../../../src/cli/framing/json-lines.ts'
import { LengthPrefixedFraming } from '../../../src/cli/framing/length-prefixed.ts'
import { DelimitedFraming } from '../../../src/cli/framing/lines.ts'
import { WholeFraming } from '../../../src/cli/framing/whole.ts'
import { InvalidArgumentError } from '../../../src/log/index.ts'

const some = Buffer.from(':')

test('lines without a flag, else what the flags say; every input gets a framing of its own', () => {
  const made = (flags: FramingFlags) => chooseFraming(flags)()
  expect(made({})).toBeInstanceOf(DelimitedFraming)
  expect(made({ nul: true })).toBeInstanceOf(DelimitedFraming)
  expect(made({ framing: 'nul', nul: true })).toBeInstanceOf(DelimitedFraming)
  expect(made({ framing: 'u32be' })).toBeInstanceOf(LengthPrefixedFraming)
  expect(made({ framing: 'varint', keyDelimiter: some })).toBeInstanceOf(LengthPrefixedFraming)
  expect(made({ framing: 'whole', key: some })).toBeInstanceOf(WholeFraming)
  expect(made({ framing: 'json', json: true, skipEmpty: true, ignorePartition: true })).toBeInstanceOf(JsonLinesFraming)
  const framing = chooseFraming({})
  expect(framing()).not.toBe(framing())
})

test('flags that do not go together are refused', () => {
  const combinations: FramingFlags[] = [
    { json: true, nul: true },
    { json: true, framing: 'lines' },
    { nul: true, framing: 'lines' },
    { nul: true, delimiter: some },
    { json: true, delimiter: some },
    { json: true, keyDelimiter: some },
    { json: true, emptyIsTombstone: true },
    { ignorePartition: true },
    { isKeyOptional: true },
    { key: some, keyDelimiter: some },
    { framing: 'whole', delimiter: some },
    { framing: 'u32be', skipEmpty: true },
  ]
  for (const flags of combinations) {
    expect(() => chooseFraming(flags), JSON.stringify(flags)).toThrow(InvalidArgumentError)
  }
})
