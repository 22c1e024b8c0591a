import { expect, test } from 'vitest'
import { NumberTooLargeError } from '../../../src/log/errors.ts'
import { type LoadOrder, resolveLoadOrder } from '../../../src/log/file/load-order.ts'
import { type SegmentFileKind, snapshotFileName } from '../../../src/log/file/names.ts'

/** A partition's folder in memory: each name with whose file it is. */
type Folder = Map<string, 'old' | 'new'>
type Step = { says: string; run: (folder: Folder) => void }
interface Segment {
  baseOffset: number
  nextOffset: number
}

const kinds = ['log', 'index', 'timeindex', 'txnindex'] as const

function nameOf(baseOffset: number, kind: SegmentFileKind, suffix = ''): string {
  return `${String(baseOffset).padStart(20, '0')}.${kind}${suffix}`
}

function step(says: string, run: (folder: Folder) => void): Step {
  return { says, run }
}

function rename(from: string, to: string): Step {
  return step(`${from} → ${to}`, folder => move(folder, from, to))
}

function move(folder: Folder, from: string, to: string): void {
  const owner = folder.get(from)
  if (owner === undefined) throw new Error(`no ${from} to rename`)
  folder.delete(from)
  folder.set(to, owner)
}

/** Everything that a broker does to exchange segments, one file at a time (LocalLog.replaceSegments, LogSegment.changeFileSuffixes). */
function exchange(oldSegments: Segment[], newSegments: Segment[]): { steps: Step[]; pointOfNoReturn: number } {
  const eachFile = (segments: Segment[], toStep: (baseOffset: number, kind: SegmentFileKind) => Step) =>
    segments.flatMap(({ baseOffset }) => kinds.map(kind => toStep(baseOffset, kind)))
  const write = eachFile(newSegments, (base, kind) =>
    step(`write ${nameOf(base, kind, '.cleaned')}`, folder => folder.set(nameOf(base, kind, '.cleaned'), 'new')),
  )
  const toSwap = eachFile(newSegments.toReversed(), (base, kind) =>
    rename(nameOf(base, kind, '.cleaned'), nameOf(base, kind, '.swap')),
  )
  const toDeleted = eachFile(oldSegments, (base, kind) => rename(nameOf(base, kind), nameOf(base, kind, '.deleted')))
  const inPlace = eachFile(newSegments, (base, kind) => rename(nameOf(base, kind, '.swap'), nameOf(base, kind)))
  const remove = eachFile(oldSegments, (base, kind) =>
    step(`remove ${nameOf(base, kind, '.deleted')}`, folder => folder.delete(nameOf(base, kind, '.deleted'))),
  )
  return {
    steps: [...write, ...toSwap, ...toDeleted, ...inPlace, ...remove],
    pointOfNoReturn: write.length + toSwap.length,
  }
}

function folderOf(segments: Segment[]): Folder {
  return new Map(segments.flatMap(({ baseOffset }) => kinds.map(kind => [nameOf(baseOffset, kind), 'old' as const])))
}

interface Scenario {
  title: string
  before: Segment[]
  old: Segment[]
  new: Segment[]
}

function segment(baseOffset: number, nextOffset: number): Segment {
  return { baseOffset, nextOffset }
}

const scenarios: Scenario[] = [
  {
    title: 'compaction of the first three segments into one',
    before: [segment(0, 100), segment(100, 200), segment(200, 300), segment(300, 350)],
    old: [segment(0, 100), segment(100, 200), segment(200, 300)],
    new: [segment(0, 300)],
  },
  {
    title: 'compaction of one segment in the middle',
    before: [segment(0, 100), segment(100, 200), segment(200, 300)],
    old: [segment(100, 200)],
    new: [segment(100, 200)],
  },
  {
    // The last batches of 200 were removed by an earlier compaction of an old Kafka: the next offset is below 300.
    title: 'compaction that ends before the next segment begins',
    before: [segment(7, 100), segment(100, 200), segment(200, 270), segment(300, 350)],
    old: [segment(100, 200), segment(200, 270)],
    new: [segment(100, 270)],
  },
  {
    title: 'split of an overflowed segment into three',
    before: [segment(0, 100), segment(100, 400), segment(400, 500)],
    old: [segment(100, 400)],
    new: [segment(100, 200), segment(200, 350), segment(350, 400)],
  },
  {
    title: 'split of the only segment',
    before: [segment(5, 90)],
    old: [segment(5, 90)],
    new: [segment(5, 40), segment(41, 90)],
  },
]

function expected(scenario: Scenario, isDone: boolean): { log: string; owner: string }[] {
  const replaced = new Set(scenario.old.map(({ baseOffset }) => baseOffset))
  const kept = scenario.before.filter(({ baseOffset }) => !isDone || !replaced.has(baseOffset))
  const entries = [
    ...kept.map(({ baseOffset }) => ({ baseOffset, owner: 'old' })),
    ...(isDone ? scenario.new.map(({ baseOffset }) => ({ baseOffset, owner: 'new' })) : []),
  ]
  return entries
    .sort((a, b) => a.baseOffset - b.baseOffset)
    .map(({ baseOffset, owner }) => ({ log: nameOf(baseOffset, 'log'), owner }))
}

function resolve(folder: Folder, scenario: Scenario): LoadOrder {
  return resolveLoadOrder(folder.keys(), name => {
    expect(name).toMatch(/\.log\.swap$/)
    expect(folder.get(name)).toBe('new')
    return scenario.new.find(({ baseOffset }) => nameOf(baseOffset, 'log', '.swap') === name)!.nextOffset
  })
}

/** What a reader would open: each file under its present name, with its owner, and its name when all is in place. */
function seenByReader(folder: Folder, order: LoadOrder): { log: string; owner: string }[] {
  return order.segments.map(found => {
    const owners = kinds.map(kind => folder.get(found[kind]!))
    expect(new Set(owners).size, `all files of ${found.log} are there and of one age`).toBe(1)
    return { log: nameOf(found.baseOffset, 'log'), owner: owners[0]! }
  })
}

function actionsOf(order: LoadOrder): ((folder: Folder) => void)[] {
  return [
    ...order.remove.map(name => (folder: Folder) => {
      expect(folder.delete(name), name).toBe(true)
    }),
    ...order.rename.map(
      ([from, to]) =>
        (folder: Folder) =>
          move(folder, from, to),
    ),
  ]
}

/** Carries the order out and says what is left in the folder. */
function carriedOut(folder: Folder, order: LoadOrder): { log: string; owner: string }[] {
  for (const action of actionsOf(order)) action(folder)
  expect([...folder.keys()].filter(name => /\.(deleted|cleaned|swap)$/.test(name))).toEqual([])
  const again = resolveLoadOrder(folder.keys(), () => expect.unreachable())
  expect({ remove: again.remove, rename: again.rename }).toEqual({ remove: [], rename: [] })
  return seenByReader(folder, again)
}

for (const scenario of scenarios) {
  const { steps, pointOfNoReturn } = exchange(scenario.old, scenario.new)
  for (let done = 0; done <= steps.length; done++) {
    const after = done === 0 ? 'before it begins' : steps[done - 1]!.says
    test(`${scenario.title}, killed after step ${done} (${after})`, () => {
      const killed = () => {
        const folder = folderOf(scenario.before)
        for (const { run } of steps.slice(0, done)) run(folder)
        return folder
      }
      const want = expected(scenario, done >= pointOfNoReturn)

      const folder = killed()
      const order = resolve(folder, scenario)
      expect(seenByReader(folder, order)).toEqual(want)

      // A writer that carries it out may be killed as well, after any of its own steps; the next one ends it.
      for (let mended = 0; mended <= actionsOf(order).length; mended++) {
        const folder = killed()
        for (const action of actionsOf(resolve(folder, scenario)).slice(0, mended)) action(folder)
        expect(seenByReader(folder, resolve(folder, scenario))).toEqual(want)
        expect(carriedOut(folder, resolve(folder, scenario))).toEqual(want)
      }
    })
  }
}

function resolveNames(names: string[], nextOffsets: Record<string, number> = {}): LoadOrder {
  return resolveLoadOrder(names, name => nextOffsets[name] ?? expect.unreachable())
}

test('an undisturbed folder needs nothing, whatever else lies in it', () => {
  const order = resolveNames([
    nameOf(100, 'log'),
    nameOf(0, 'txnindex'),
    nameOf(0, 'log'),
    nameOf(0, 'timeindex'),
    nameOf(0, 'index'),
    snapshotFileName(100),
    snapshotFileName(130),
    'leader-epoch-checkpoint',
    'partition.metadata',
    'unsynced',
    '.lock',
    'notes.deleted',
    'my.swap',
    '0.log',
    '00000000000000000000.log.4096.cut',
  ])
  expect(order).toEqual({
    segments: [
      {
        baseOffset: 0,
        log: nameOf(0, 'log'),
        index: nameOf(0, 'index'),
        timeindex: nameOf(0, 'timeindex'),
        txnindex: nameOf(0, 'txnindex'),
      },
      { baseOffset: 100, log: nameOf(100, 'log') },
    ],
    remove: [],
    rename: [],
  })
  expect(resolveNames([])).toEqual({ segments: [], remove: [], rename: [] })
})

test('segments come in the order of their offsets, not of the folder', () => {
  const bases = [900, 5, 2 ** 40, 10_000_000_000, 77]
  const order = resolveNames(bases.map(base => nameOf(base, 'log')))
  expect(order.segments.map(({ baseOffset }) => baseOffset)).toEqual(bases.toSorted((a, b) => a - b))
})

test('indexes without a log are removed, snapshots are not', () => {
  const order = resolveNames([nameOf(0, 'log'), nameOf(50, 'index'), nameOf(50, 'timeindex'), snapshotFileName(50)])
  expect(order.segments).toEqual([{ baseOffset: 0, log: nameOf(0, 'log') }])
  expect(order.remove).toEqual([nameOf(50, 'index'), nameOf(50, 'timeindex')])
})

test('an index in .swap without any log goes too, instead of coming into place', () => {
  const order = resolveNames([nameOf(0, 'log'), nameOf(50, 'index', '.swap')])
  expect(order).toMatchObject({ remove: [nameOf(50, 'index', '.swap')], rename: [] })
})

test('an index in .swap takes the place of the one beside the log', () => {
  const order = resolveNames([nameOf(0, 'log'), nameOf(0, 'index'), nameOf(0, 'index', '.swap')])
  expect(order.segments).toEqual([{ baseOffset: 0, log: nameOf(0, 'log'), index: nameOf(0, 'index', '.swap') }])
  expect(order.remove).toEqual([])
  expect(order.rename).toEqual([[nameOf(0, 'index', '.swap'), nameOf(0, 'index')]])
})

test('leftovers of every kind of segment file are removed, also of the rebuilding of an index', () => {
  const leftovers = [
    nameOf(0, 'log', '.deleted'),
    nameOf(0, 'log', '.swap.deleted'),
    nameOf(0, 'snapshot', '.deleted'),
    nameOf(0, 'index', '.tmp'),
    nameOf(0, 'txnindex', '.cleaned'),
  ]
  const order = resolveNames([nameOf(0, 'log'), ...leftovers])
  expect(order.segments).toEqual([{ baseOffset: 0, log: nameOf(0, 'log') }])
  expect(order.remove.toSorted()).toEqual(leftovers.toSorted())
})

test('a .swap at or above the lowest .cleaned is removed before it, one below counts', () => {
  const names = [
    nameOf(0, 'log'),
    nameOf(100, 'log'),
    nameOf(100, 'log', '.swap'),
    nameOf(200, 'log'),
    nameOf(200, 'log', '.cleaned'),
    nameOf(200, 'index', '.swap'),
    nameOf(300, 'log', '.swap'),
  ]
  const order = resolveNames(names, { [nameOf(100, 'log', '.swap')]: 200 })
  expect(order.segments.map(({ log }) => log)).toEqual([
    nameOf(0, 'log'),
    nameOf(100, 'log', '.swap'),
    nameOf(200, 'log'),
  ])
  expect(order.remove).toEqual([
    nameOf(200, 'index', '.swap'),
    nameOf(300, 'log', '.swap'),
    nameOf(200, 'log', '.cleaned'),
    nameOf(100, 'log'),
  ])
})

test('snapshots within the replaced offsets go, as a broker removes them; what was cut from a log stays', () => {
  const names = [nameOf(0, 'log', '.swap'), snapshotFileName(0), snapshotFileName(99), snapshotFileName(100)]
  const cut = '00000000000000000050.log.17.cut'
  const order = resolveNames([...names, cut], { [nameOf(0, 'log', '.swap')]: 100 })
  expect(order.remove).toEqual([snapshotFileName(0), snapshotFileName(99)])
})

test('an empty .swap log replaces the log of its own name only', () => {
  const order = resolveNames([nameOf(0, 'log'), nameOf(100, 'log'), nameOf(0, 'log', '.swap')], {
    [nameOf(0, 'log', '.swap')]: 0,
  })
  expect(order.segments.map(({ log }) => log)).toEqual([nameOf(0, 'log', '.swap'), nameOf(100, 'log')])
  expect(order.remove).toEqual([])
  expect(order.rename).toEqual([[nameOf(0, 'log', '.swap'), nameOf(0, 'log')]])
})

test('an offset beyond 2^53 in a name is a named error', () => {
  expect(() => resolveNames(['09007199254740993000.log'])).toThrow(NumberTooLargeError)
})
