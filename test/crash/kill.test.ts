import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DataDirectory } from '../../src/log/index.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import { AppendLife, type AppendLifeOptions, type KillMoment } from '../helpers/killed-appends.ts'
import { type NumberedLine, numberedLines, parseNumberedLine } from '../helpers/numbered-lines.ts'
import { expectIndexesAsRebuilt } from '../helpers/rebuilt-indexes.ts'
import { loglady } from '../helpers/run-loglady.ts'
import { seed } from '../helpers/seed.ts'
import { type SmallRandom, smallRandom } from '../helpers/small-random.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

interface Scenario {
  name: string
  /** Appenders that are killed, at one time; a new one follows each, until there were so many kills. */
  victims: number
  kills: number
  /** Appenders beside them that live to the end. */
  survivors: number
  segmentBytes: string
  burstLines: number
  args?: readonly string[]
}

const scenarios: Scenario[] = [
  { name: 'alone, large bursts', victims: 1, kills: 55, survivors: 0, segmentBytes: '4MiB', burstLines: 500 },
  { name: 'alone, many rolls', victims: 1, kills: 55, survivors: 0, segmentBytes: '64KiB', burstLines: 80 },
  { name: 'two beside another', victims: 2, kills: 60, survivors: 1, segmentBytes: '512KiB', burstLines: 250 },
  {
    name: 'one beside another, compressed',
    victims: 1,
    kills: 30,
    survivors: 1,
    segmentBytes: '128KiB',
    burstLines: 200,
    args: ['--compression', 'zstd'],
  },
]

interface Outcome {
  name: string
  lives: number
  kills: number
  betweenAcks: number
  tornTails: number
  records: number
}

/** Four of five between acks: while a burst is read, written, synced or acknowledged. */
function killMoment(random: SmallRandom): KillMoment {
  const kind = random.below(5)
  if (kind === 0) return { afterMs: random.below(400) }
  const afterAcks = 1 + random.below(12)
  return kind === 1 ? { afterAcks, atGrowth: true } : { afterAcks, micros: random.below(3000) }
}

/** Keeps the victims at work until so many were killed; the survivors then end by themselves. */
async function livesOf(scenario: Scenario, dir: string, random: SmallRandom): Promise<AppendLife[]> {
  const { victims, kills, survivors, burstLines, args = [] } = scenario
  const options: AppendLifeOptions = { dir, args, random, burstLines }
  const lives: AppendLife[] = []
  const start = (moment?: KillMoment) => {
    const life = new AppendLife(lives.length, options, moment)
    lives.push(life)
    return life
  }
  let left = kills
  async function oneVictimAfterTheOther(): Promise<void> {
    while (left-- > 0) {
      const life = start(killMoment(random))
      // An exit code is one that ended by itself.
      expect(await life.exitCode(), life.stderr).toBeUndefined()
    }
  }
  const surviving = Array.from({ length: survivors }, () => start())
  await Promise.all(Array.from({ length: victims }, oneVictimAfterTheOther))
  for (const life of surviving) life.finish()
  for (const life of surviving) expect(await life.exitCode(), life.stderr).toBe(0)
  return lives
}

/** Everything that is in the log was written, once and in order, and its indexes are right. Returns where each line stands. */
function checkedRecords(dir: string, fed: readonly number[]): NumberedLine[] {
  const directory = DataDirectory.open(dir)
  const reader = directory.partition('t', 0).reader({ from: 0 })
  const cursor = new RecordCursor()
  const records: NumberedLine[] = []
  const next = fed.map(() => 0)
  for (let header = reader.next(); header !== undefined; header = reader.next()) {
    for (cursor.open(header); cursor.next(); ) {
      const record = parseNumberedLine(cursor.value())
      if (cursor.offset !== records.length) throw new Error(`offset ${cursor.offset} follows ${records.length - 1}`)
      if (record.sequence !== next[record.writer]) {
        throw new Error(`offset ${cursor.offset}: line ${record.sequence} of appender ${record.writer}`)
      }
      next[record.writer] = record.sequence + 1
      records.push(record)
    }
  }
  reader.close()
  expectIndexesAsRebuilt(directory.partition('t', 0))
  directory.close()
  for (const [writer, lines] of next.entries()) expect(lines).toBeLessThanOrEqual(fed[writer]!)
  return records
}

/** What an appender's acks name are its first lines, in the order in which they were fed. */
function checkAcks(life: AppendLife, records: readonly NumberedLine[]): void {
  let sequence = 0
  for (const { topic, partition, baseOffset, lastOffset, records: count, synced } of life.acks) {
    expect({ topic, partition, synced, count }).toEqual({
      topic: 't',
      partition: 0,
      synced: true,
      count: lastOffset - baseOffset + 1,
    })
    for (let offset = baseOffset; offset <= lastOffset; offset++) {
      const record = records[offset]
      if (record?.writer !== life.number || record.sequence !== sequence) {
        throw new Error(
          `line ${sequence} of appender ${life.number} was acknowledged at offset ${offset}, where ${JSON.stringify(record)} is`,
        )
      }
      sequence++
    }
  }
}

async function outcomeOf(scenario: Scenario, dir: string, random: SmallRandom): Promise<Outcome> {
  await loglady(['append', 't', '--segment-bytes', scenario.segmentBytes], { dir })
  const lives = await livesOf(scenario, dir, random)
  // Whatever the last one left: the next append goes on, and is the last one in the log.
  await loglady(['append', 't'], { dir, input: numberedLines(lives.length, 0, 10) })
  const records = checkedRecords(dir, [...lives.map(life => life.fed), 10])
  expect(records.slice(-10).map(({ writer }) => writer)).toEqual(new Array(10).fill(lives.length))
  for (const life of lives) {
    checkAcks(life, records)
    expect(life.stderr).not.toMatch(/WARNING|error|damage/i)
  }
  expect(await loglady(['read', 't', '-o', '-1'], { dir })).toBe(numberedLines(lives.length, 9, 10))
  const killed = lives.filter(life => life.acksAtKill >= 0)
  return {
    name: scenario.name,
    lives: lives.length,
    kills: killed.length,
    betweenAcks: killed.filter(life => life.wasKilledBetweenAcks).length,
    tornTails: lives.filter(life => life.stderr.includes('cut ')).length,
    records: records.length,
  }
}

test(`200 times kill -9 loses nothing that was acknowledged, and nothing else appears (seed ${seed})`, async () => {
  const folder = temporaryFolder()
  const outcomes = await Promise.all(
    scenarios.map((scenario, i) => outcomeOf(scenario, join(folder, `${i}`), smallRandom(seed + i))),
  )
  for (const outcome of outcomes) process.stderr.write(`${JSON.stringify(outcome)}\n`)
  const kills = outcomes.reduce((sum, outcome) => sum + outcome.kills, 0)
  const betweenAcks = outcomes.reduce((sum, outcome) => sum + outcome.betweenAcks, 0)
  expect(kills).toBe(200)
  expect(betweenAcks).toBeGreaterThanOrEqual(kills / 2)
}, 600_000)
