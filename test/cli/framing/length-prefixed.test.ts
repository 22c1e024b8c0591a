import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LengthPrefixedFraming, Uint32Prefix, VarintPrefix } from '../../../src/cli/framing/length-prefixed.ts'
import { RecordRules } from '../../../src/cli/framing/record-rules.ts'
import { InvalidRecordError, RecordTooLargeError } from '../../../src/log/index.ts'
import { framePieces } from '../../helpers/frame-pieces.ts'
import { RecordingTarget } from '../../helpers/recording-target.ts'

function uint32(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

function varint(length: number): Buffer {
  const bytes: number[] = []
  let rest = length
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

const forms = [
  { name: 'u32be', encode: uint32, framing: () => new LengthPrefixedFraming(new Uint32Prefix(), new RecordRules()) },
  { name: 'varint', encode: varint, framing: () => new LengthPrefixedFraming(new VarintPrefix(), new RecordRules()) },
]

for (const { name, encode, framing } of forms) {
  const encoded = (values: Buffer[]): Buffer => Buffer.concat(values.flatMap(value => [encode(value.length), value]))

  test(`${name}: values of any length come out as they went in, however they arrive`, () => {
    const value = fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ minLength: 100, maxLength: 400 }))
    fc.assert(
      fc.property(fc.array(value), fc.array(fc.nat(200)), (values, cuts) => {
        const bytes = encoded(values.map(Buffer.from))
        const pieces: Buffer[] = []
        let at = 0
        for (const cut of cuts) {
          pieces.push(bytes.subarray(at, at + cut))
          at += cut
        }
        pieces.push(bytes.subarray(at))
        const target = framePieces(framing(), pieces, new RecordingTarget({ capacity: 2 }))
        expect(target.values).toEqual(values.map(bytes => Buffer.from(bytes).toString('latin1')))
      }),
    )
  })

  test(`${name}: an input that ends inside a record is refused, what came before it is not`, () => {
    const bytes = encoded([Buffer.from('one'), Buffer.alloc(300, 'x')])
    const firstEnd = encode(3).length + 3
    for (const end of [firstEnd + 1, firstEnd + encode(300).length, bytes.length - 1]) {
      const target = new RecordingTarget()
      expect(() => framePieces(framing(), [bytes.subarray(0, end)], target)).toThrow(InvalidRecordError)
      expect(target.values).toEqual(['one'])
    }
    expect(() => framePieces(framing(), [bytes.subarray(0, bytes.length - 1)])).toThrow(
      'the input ends inside a record: its length says 300 bytes, 299 are there',
    )
  })

  test(`${name}: a length that no batch can hold is refused before its bytes come`, () => {
    expect(() => framePieces(framing(), [encode(2_000_000)])).toThrow(RecordTooLargeError)
    expect(() => framePieces(framing(), [encode(0xffff_ffff)])).toThrow('a record of 4294967295 bytes does not fit')
  })
}

test('varint: lengths have the bytes of Protocol Buffers, and at most five of them', () => {
  const framing = () => new LengthPrefixedFraming(new VarintPrefix(), new RecordRules())
  expect(framePieces(framing(), [Buffer.from([0x96, 0x01]), Buffer.alloc(150, 'x')]).values).toEqual(['x'.repeat(150)])
  expect(() => framePieces(framing(), [Buffer.alloc(6, 0x80)])).toThrow('a length prefix of more than five bytes')
})
