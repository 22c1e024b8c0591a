import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as Args from '@oclif/core/args'
import { LogladyCommand } from '../cli/base-command.ts'
import { beginning } from '../cli/offset-grammar.ts'
import { type Lines, type TailFlags, tailFlags } from '../cli/read/flags.ts'
import { chooseStyle } from '../cli/read/output-style.ts'
import type { ReadPartition } from '../cli/read/read-partition.ts'
import { ReadSession } from '../cli/read/session.ts'
import { findTopic, type ReadTopic } from '../cli/read/targets.ts'
import { InvalidArgumentError, NotFoundError } from '../log/index.ts'

const defaultLines: Lines = { last: 10 }
const directoryLookMs = 200

export default class Tail extends LogladyCommand {
  static override summary = 'Print the last records of topics, and go on with new ones.'
  static override description =
    `Prints the last ten values, or as many as -n says: of all partitions of a topic together, merged by timestamp, and of those that the other flags select. With -f it goes on with new records within milliseconds, in the order in which they come, across rolls, retention and any number of writers. Several topics have ==> TOPIC/PARTITION <== lines between them, unless -q is given.

Takes no lock and never reads stdin. When records were removed before they were read it says which, goes on, and exits with 3. When the log was cut below the place that was reached, or the topic made anew, -f exits with 3 and -F goes on.`
  static override examples = [
    { description: 'The last ten values of the topic "events"', command: 'loglady tail events' },
    { description: 'The last hundred, and whatever comes', command: 'loglady tail -f -n 100 events' },
    { description: 'Only new records that name an error, as JSON', command: 'loglady tail -f -n 0 -g error -J events' },
    { description: 'Two topics, also if they are not there yet', command: 'loglady tail -F orders payments' },
    { description: 'All from the 1000th record on', command: 'loglady tail -n +1000 events' },
  ]
  static override args = {
    topic: Args.string({
      ignoreStdin: true,
      multiple: true,
      description: 'TOPIC or TOPIC/PARTITION, any number (default: the only topic, else "default")',
    }),
  }
  static override flags = tailFlags
  static override flagHints = {
    '-o': 'tail begins at the end; loglady read -o begins where you say',
    '-r': 'loglady read -r prints the last record first',
    '--group': 'groups are for loglady read --group NAME --follow',
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Tail)
    const positionals = args.topic ?? []
    checkPositionals(positionals)
    chooseStyle(flags)
    if (flags.retry && !(await this.#directoryIsThere())) return
    const directory = this.openDirectory()
    const session = new ReadSession({
      directory,
      flags,
      withHeaders: positionals.length > 1 && !flags.quiet,
      interruption: this.interruption(),
      onNote: note => this.note(note),
      onWarning: warning => this.plan(warning),
    })
    const names = positionals.length === 0 ? [undefined] : positionals
    const options = { picked: flags.partitions, mayBeMissing: flags.retry }
    const topics = names.map(name => findTopic(directory, name, options))
    this.exitCode = await session.run(() => this.#print(session, topics, flags))
  }

  /** Topic after topic what is there, then what comes to any of them. */
  async #print(session: ReadSession, topics: readonly ReadTopic[], flags: TailFlags): Promise<void> {
    const { printer } = session
    const openNew = async (name: string, partition: number) => {
      const isWanted = topics.some(topic => topic.name === name && topic.includes(partition))
      return isWanted ? session.open({ topic: name, partition }, { from: beginning }) : undefined
    }
    const printed = new Map<string, ReadPartition[]>()
    for (const topic of topics) {
      const partitions = await printLines(session, topic, flags.lines ?? defaultLines).catch((error: unknown) => {
        // A topic exists from the moment when its name is written; its folders follow.
        if (flags.retry && error instanceof NotFoundError) return []
        throw error
      })
      if (partitions.length === 0) this.note(`waiting for the topic ${topic.name}`)
      printed.set(topic.name, [...(printed.get(topic.name) ?? []), ...partitions])
      if (printer.isOver) return
    }
    if (flags.follow || flags.retry) await session.follower(openNew, flags.retry).run(printed)
  }

  /** Waits for it as -F waits for topics; false if a signal came first. */
  async #directoryIsThere(): Promise<boolean> {
    const { signal } = this.interruption()
    const isThere = () => existsSync(this.common.dir)
    if (!isThere()) this.note(`waiting for the data directory ${this.common.dir}`)
    while (!isThere() && !signal.aborted) await sleep(directoryLookMs, undefined, { signal }).catch(() => {})
    return isThere()
  }
}

async function printLines(session: ReadSession, topic: ReadTopic, lines: Lines): Promise<ReadPartition[]> {
  const partitions: ReadPartition[] = []
  for (const partition of topic.partitions) {
    partitions.push(await session.open({ topic: topic.name, partition }, { from: beginning }))
  }
  if ('last' in lines) await session.reading.printLast(partitions, lines.last)
  else await session.reading.printForward(partitions, lines.from - 1)
  return partitions
}

/** `tail -f '%o %v'` by somebody who is used to -f of kcat. */
function checkPositionals(positionals: readonly string[]): void {
  const format = positionals.find(text => text.includes('%'))
  if (format === undefined) return
  throw new InvalidArgumentError(`"${format}" is no topic`, {
    hint: `-f follows here; a format is --format '${format}'`,
  })
}
