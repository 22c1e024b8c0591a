import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { DataDirectory, type PartitionLog } from '../../src/log/index.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import { LogObserver } from '../helpers/log-observer.ts'
import { numberedLines, parseNumberedLine } from '../helpers/numbered-lines.ts'
import { expectIndexesAsRebuilt } from '../helpers/rebuilt-indexes.ts'
import { loglady, type RunningLoglady, type RunOptions, startLoglady } from '../helpers/run-loglady.ts'
import { seed } from '../helpers/seed.ts'
import { smallRandom } from '../helpers/small-random.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const WRITERS = 8
const LINES = 50_000
const TOTAL = WRITERS * LINES
const SEGMENT_BYTES = 1 << 20
/** Most lines of a burst while all writers bring some: rollers keep theirs for the ends of segments. */
const BURST_LINES = { roller: 20, other: 64 }
/** The end of a segment, which bursts of all writers at once (200 KB at the very most) hardly jump over. Here it is decided who rolls. */
const ROLL_ZONE_BYTES = 144 * 1024
/** Every writer brings an eighth of the bytes, and would make an eighth of the 200 rolls. These three get most of them. */
const ROLLERS = [1, 4, 6]
/** Once each of them has so many, the rolls that are left go to whoever comes first. */
const WANTED_ROLLS = 55

const random = smallRandom(seed)

/** One appender with a pipe to its stdin, and how many of its lines were put there. */
class Writer {
  readonly number: number
  fed = 0
  readonly process: RunningLoglady
  readonly #stderr: string[] = []

  constructor(number: number, options: RunOptions) {
    this.number = number
    const args = ['append', 't', '--linger', '0', '--segment-bytes', '1MiB']
    this.process = started(args, options)
    this.process.stderr!.on('data', bytes => this.#stderr.push(`${bytes}`))
  }

  get remaining(): number {
    return LINES - this.fed
  }

  /** A burst of lines in one write; the pipe takes it at once or as the appender reads. */
  feed(lines: number): void {
    const until = Math.min(LINES, this.fed + lines)
    if (until === this.fed) return
    this.process.stdin!.write(numberedLines(this.number, this.fed, until))
    this.fed = until
    if (until === LINES) this.process.stdin!.end()
  }

  async finished(): Promise<{ exitCode: number | undefined; stderr: string }> {
    const { exitCode } = await this.process
    return { exitCode, stderr: this.#stderr.join('') }
  }
}

/** A follower of the whole log, and the hash of what it printed. */
class Follower {
  readonly args: readonly string[]
  readonly process: RunningLoglady
  readonly #hash = createHash('sha1')
  #bytes = 0
  readonly #stderr: string[] = []
  readonly #ended: Promise<unknown>

  constructor(args: readonly string[], options: RunOptions) {
    this.args = args
    this.process = started([...args, '--count', String(TOTAL)], options)
    this.process.stdin!.end()
    this.process.stderr!.on('data', bytes => this.#stderr.push(`${bytes}`))
    this.process.stdout!.on('data', (bytes: Buffer) => {
      this.#hash.update(bytes)
      this.#bytes += bytes.length
    })
    this.#ended = once(this.process.stdout!, 'end')
  }

  async finished() {
    const { exitCode } = await this.process
    await this.#ended
    return { exitCode, stderr: this.#stderr.join(''), bytes: this.#bytes, hash: this.#hash.digest('hex') }
  }
}

function started(args: readonly string[], options: RunOptions): RunningLoglady {
  const child = startLoglady(args, options)
  onTestFinished(() => void child.kill('SIGKILL'))
  // A writer that dies shows its exit code; the pipe that it leaves broken is only a consequence.
  child.stdin!.on('error', () => {})
  return child
}

/**
 * Feeds all writers in bursts at once, but at the end of a segment: there the roller that has the fewest rolls gets all that
 * fits and some more, while the others go on line by line. A writer's next burst goes out when the last one is in the log.
 */
async function feed(writers: readonly Writer[], observer: LogObserver): Promise<void> {
  while (writers.some(writer => writer.remaining > 0)) {
    observer.look()
    const left = SEGMENT_BYTES - observer.segmentBytes
    const roller = left > ROLL_ZONE_BYTES ? undefined : chosenRoller(writers, observer.rolls)
    for (const writer of writers) {
      const { number, remaining } = writer
      if (remaining === 0 || observer.lines[number]! < writer.fed) continue
      if (writer.process.exitCode !== null) throw new Error(`writer ${number} ended by itself`)
      if (roller === undefined)
        writer.feed(1 + random.below(ROLLERS.includes(number) ? BURST_LINES.roller : BURST_LINES.other))
      else if (number === roller) writer.feed(Math.ceil(left / 450))
      else if (random.below(4) === 0) writer.feed(1)
    }
    await wait(1)
  }
}

function chosenRoller(writers: readonly Writer[], rolls: readonly number[]): number | undefined {
  const [first] = ROLLERS.filter(roller => writers[roller]!.remaining > 0).sort((a, b) => rolls[a]! - rolls[b]!)
  return first !== undefined && rolls[first]! < WANTED_ROLLS ? first : undefined
}

/** Goes over the finished log: offsets dense, each writer's lines in order and once each. Returns what followers must have printed. */
function checkedHashes(log: PartitionLog): { values: string; numbered: string } {
  const values = createHash('sha1')
  const numbered = createHash('sha1')
  const next = new Array<number>(WRITERS).fill(0)
  const reader = log.reader({ from: 0, until: log.logEndOffset() })
  const cursor = new RecordCursor()
  let offset = 0
  for (let header = reader.next(); header !== undefined; header = reader.next()) {
    for (cursor.open(header); cursor.next(); offset++) {
      const { writer, sequence } = parseNumberedLine(cursor.value())
      if (cursor.offset !== offset) throw new Error(`offset ${cursor.offset} follows ${offset - 1}`)
      if (sequence !== next[writer]) {
        throw new Error(`offset ${offset}: line ${sequence} of writer ${writer}, not ${next[writer]}`)
      }
      next[writer] = sequence + 1
      values.update(cursor.value()!).update('\n')
      numbered.update(`${offset} `).update(cursor.value()!).update('\n')
    }
  }
  reader.close()
  expect(next).toEqual(new Array<number>(WRITERS).fill(LINES))
  return { values: values.digest('hex'), numbered: numbered.digest('hex') }
}

test(`eight writers and four followers of one partition, 400,000 lines and some 200 rolls (seed ${seed})`, async () => {
  const folder = temporaryFolder()
  const options = { dir: folder }
  await loglady(['append', 't', '--segment-bytes', '1MiB'], options)
  const followers = [
    ['tail', 't', '-n', 'all', '-f'],
    ['tail', 't', '-n', '+1', '-F'],
    ['read', 't', '--follow'],
    ['read', 't', '--follow', '-f', '%o %v\\n'],
  ].map(args => new Follower(args, options))
  const writers = Array.from({ length: WRITERS }, (_, number) => new Writer(number, options))
  const observer = new LogObserver(folder, 't', WRITERS)
  await feed(writers, observer)
  const written = await Promise.all(writers.map(writer => writer.finished()))
  const followed = await Promise.all(followers.map(follower => follower.finished()))
  observer.look()
  observer.close()
  const { batches, changes, rolls } = observer
  process.stderr.write(`${batches} batches, ${changes} changes of writer, rolls by writer: ${rolls.join(' ')}\n`)

  for (const { exitCode, stderr } of written) {
    expect(exitCode).toBe(0)
    expect(stderr).not.toMatch(/cut|damage/)
  }
  expect(changes).toBeGreaterThanOrEqual(2000)
  expect(rolls.filter(count => count >= 50).length).toBeGreaterThanOrEqual(3)

  const directory = DataDirectory.open(folder)
  const log = directory.partition('t', 0)
  const { values, numbered } = checkedHashes(log)
  for (const [i, { exitCode, stderr, hash }] of followed.entries()) {
    expect({ exitCode, stderr, hash }).toEqual({ exitCode: 0, stderr: '', hash: i === 3 ? numbered : values })
  }
  expectIndexesAsRebuilt(log)
  directory.close()
}, 600_000)
