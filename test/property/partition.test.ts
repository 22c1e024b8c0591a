import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BatchShape, type Crash, ModelledPartition } from '../helpers/modelled-partition.ts'
import { runs, seed } from '../helpers/seed.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const thousandths = fc.nat(999)
const writer = fc.nat(1)

const shape: fc.Arbitrary<BatchShape> = fc
  .record({
    lengths: fc.array(fc.integer({ min: -1, max: 120 }), { minLength: 1, maxLength: 8 }),
    base: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 5000 }) }, fc.constant(-1)),
    steps: fc.array(fc.integer({ min: -40, max: 60 }), { minLength: 8, maxLength: 8 }),
    codec: fc.oneof(fc.constant('none' as const), fc.constantFrom('gzip', 'snappy', 'lz4', 'zstd')),
    logAppendTime: fc.boolean(),
  })
  .map(({ lengths, base, steps, codec, logAppendTime }) => ({
    lengths,
    timestamps: lengths.map((_, i) => (base < 0 ? -1 : Math.max(0, base + steps[i]!))),
    codec,
    logAppendTime,
  }))

const crash: fc.Arbitrary<Crash> = fc.record({
  lost: fc.oneof(fc.constant(0), fc.constant(1000), thousandths),
  tail: fc.constantFrom('nothing', 'zeros', 'random', 'hole'),
  indexes: fc.array(
    fc.record({
      // The newest one as often as all others together.
      segment: fc.oneof(fc.constant(999), thousandths),
      file: fc.constantFrom('index', 'timeindex'),
      how: fc.constantFrom('lost', 'short', 'padded', 'wrong', 'garbage'),
      amount: thousandths,
    }),
    { maxLength: 4 },
  ),
  checkpoint: fc.constantFrom('kept', 'older', 'lost', 'unreadable'),
})

/** What is done at random. Plain data, which fast-check prints when it has found the shortest failure. */
type Step =
  | { do: 'append'; writer: number; batches: BatchShape[] }
  | { do: 'sync' | 'close'; writer: number }
  | { do: 'die in a write'; batch: BatchShape; written: number }
  | { do: 'crash'; how: Crash }
  | { do: 'drop'; before: number }
  | { do: 'read'; from: number; until: number }
  | { do: 'find times'; timestamp: number }
  | { do: 'check' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      writer,
      batches: fc.array(shape, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('sync' as const, 'close' as const), writer }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('die in a write' as const),
      batch: shape,
      written: fc.oneof(fc.constant(1000), thousandths),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('crash' as const), how: crash }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), before: thousandths }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), from: thousandths, until: thousandths }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('find times' as const), timestamp: fc.nat(500) }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'check' }) },
)

async function take(step: Step, partition: ModelledPartition): Promise<void> {
  switch (step.do) {
    case 'append':
      return partition.append(step.writer, step.batches)
    case 'sync':
      return partition.sync(step.writer)
    case 'close':
      return partition.close(step.writer)
    case 'die in a write':
      return partition.dieInWrite(step.batch, step.written)
    case 'crash':
      return partition.crash(step.how)
    case 'drop':
      return partition.dropBefore(within(partition, step.before))
    case 'read': {
      const [from, until] = [within(partition, step.from), within(partition, step.until)]
      partition.read(Math.min(from, until), Math.max(from, until))
      return partition.readBackward(Math.min(from, until), Math.max(from, until))
    }
    case 'find times':
      return partition.findTimes(step.timestamp)
    case 'check':
      return partition.check()
  }
}

function within(partition: ModelledPartition, part: number): number {
  return partition.start + Math.floor(((partition.end - partition.start + 1) * part) / 1000)
}

const config = fc.record({
  'segment.bytes': fc.constantFrom(2048, 3000, 8192),
  'index.interval.bytes': fc.constantFrom(0, 100, 400, 4096),
  'segment.index.bytes': fc.constantFrom(24, 60, 10_485_760),
  'segment.ms': fc.constantFrom(500, 604_800_000),
})

test(`a partition holds what was appended, whatever happens to it (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(config, fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }), async (settings, steps) => {
      const folder = temporaryFolder()
      const partition = await ModelledPartition.create(folder, settings)
      try {
        for (const step of steps) await take(step, partition)
        await partition.finish()
      } finally {
        await partition.dispose()
      }
      expect(partition.end).toBeGreaterThan(0)
    }),
    { seed, numRuns: runs(50) },
  )
})
