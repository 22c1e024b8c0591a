import { expect, test } from 'vitest'
import { RecordRules } from '../../../src/cli/framing/record-rules.ts'
import { WholeFraming } from '../../../src/cli/framing/whole.ts'
import { RecordTooLargeError } from '../../../src/log/index.ts'
import { framePieces } from '../../helpers/frame-pieces.ts'
import { RecordingTarget } from '../../helpers/recording-target.ts'

const whole = () => new WholeFraming(new RecordRules())

test('the whole input is one record, an empty one too', () => {
  expect(framePieces(whole(), [Buffer.from('a\nb'), Buffer.from('\n\0c')]).values).toEqual(['a\nb\n\0c'])
  expect(framePieces(whole(), []).values).toEqual([''])
})

test('more than one batch can hold is refused as soon as it is known', () => {
  const target = new RecordingTarget({ maxMessageBytes: 10 })
  expect(() => framePieces(whole(), [Buffer.alloc(11), Buffer.alloc(1000)], target)).toThrow(RecordTooLargeError)
  expect(target.values).toEqual([])
})
