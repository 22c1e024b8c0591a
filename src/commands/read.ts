import * as Args from '@oclif/core/args'
import { LogladyCommand } from '../cli/base-command.ts'
import { beginning, type OffsetRange } from '../cli/offset-grammar.ts'
import { checkReadFlags } from '../cli/read/flag-rules.ts'
import { type ReadFlags, readFlags } from '../cli/read/flags.ts'
import { CursorFile, type OffsetStore, openGroup } from '../cli/read/offset-store.ts'
import { chooseStyle } from '../cli/read/output-style.ts'
import type { ReadPartition } from '../cli/read/read-partition.ts'
import { ReadSession } from '../cli/read/session.ts'
import { findTopic, type ReadTopic } from '../cli/read/targets.ts'
import type { DataDirectory } from '../log/index.ts'

export default class Read extends LogladyCommand {
  static override summary = 'Print the records of a topic.'
  static override description =
    `Prints values, each with a newline, from the beginning to the end of the log as it was at the start, so a busy writer cannot make it endless; --follow goes on. Several partitions are merged by timestamp; -N means the last N of all together, of those that the other flags select.

Takes no lock but that of a group, and never reads stdin. Exit status 3 says that damage was met; what was printed before it is valid.`
  static override examples = [
    { description: 'All values of the topic "events"', command: 'loglady read events' },
    { description: 'The last ten records, with everything that they have', command: 'loglady read events -o -10 -J' },
    { description: 'From offset 500 up to, not including, 600', command: 'loglady read events/0 -o 500:600' },
    { description: 'What came in the last hour and names an error', command: 'loglady read events -S -1h -g error' },
    { description: 'Offset, time, key and value', command: "loglady read events -f '%o %T{iso} %k %v\\n'" },
    { description: 'Go on where the last run was', command: 'loglady read jobs --group workers | worker' },
    {
      description: 'Copy a topic with keys, headers and timestamps',
      command: 'loglady read a -J | loglady append b -J',
    },
  ]
  static override args = {
    topic: Args.string({
      ignoreStdin: true,
      description: 'TOPIC or TOPIC/PARTITION (default: the only topic, else "default")',
    }),
  }
  static override flags = readFlags
  static override flagHints = {
    '-f': "-f is the format here: -f '%o %v\\n'. To follow: --follow, or loglady tail -f",
    '--format': "a format is a text like '%o %v\\n'. To follow: --follow, or loglady tail -f",
    '-n': 'the last N records are loglady read -o -N, or loglady tail -n N',
    '-F': 'loglady tail -F follows a topic that is made anew',
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Read)
    checkReadFlags(flags)
    chooseStyle(flags)
    const directory = this.openDirectory()
    const topic = findTopic(directory, args.topic, { picked: flags.partitions })
    const store = openStore(directory, flags)
    try {
      const session = new ReadSession({
        directory,
        flags,
        store,
        clamp: flags.clamp,
        interruption: this.interruption(),
        onNote: note => this.note(note),
        onWarning: warning => this.plan(warning),
      })
      this.exitCode = await session.run(() => print(session, topic, flags))
    } finally {
      store?.close()
    }
  }
}

function openStore(directory: DataDirectory, flags: ReadFlags): OffsetStore | undefined {
  const file = flags['cursor-file']
  if (flags.group !== undefined) return openGroup(directory, flags.group)
  return file === undefined ? undefined : new CursorFile(file)
}

async function print(session: ReadSession, { name, partitions, includes }: ReadTopic, flags: ReadFlags): Promise<void> {
  const keepsOffsets = flags.group !== undefined || flags['cursor-file'] !== undefined
  const range: OffsetRange = flags.offset ?? { from: keepsOffsets ? { kind: 'stored' } : beginning }
  const opened: ReadPartition[] = []
  for (const partition of partitions) opened.push(await session.open({ topic: name, partition }, range))
  const last = range.from.kind === 'last' ? range.from.count : undefined
  const { reading, printer } = session
  if (flags.reverse) await reading.printBackward(opened, last)
  else if (last !== undefined) await reading.printLast(opened, last)
  else await reading.printForward(opened)
  if (!flags.follow || printer.isOver) return
  const openNew = async (topic: string, partition: number) =>
    includes(partition) && range.until === undefined
      ? session.open({ topic, partition }, { from: beginning })
      : undefined
  await session.follower(openNew).run(new Map([[name, opened]]))
}
