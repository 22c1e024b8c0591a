import { existsSync } from 'node:fs'
import { isatty } from 'node:tty'
import * as Args from '@oclif/core/args'
import { AckLines } from '../cli/append/ack-lines.ts'
import { parseSource, prepareTopic, refuseFileAsTopic } from '../cli/append/destination.ts'
import { type AppendFlags, appendFlags, appendOptions, framingFlags, wantedTopic } from '../cli/append/flags.ts'
import { describeInterruption, describeSafe, formatSummary, summaryAsJson, withHint } from '../cli/append/report.ts'
import { LogladyCommand } from '../cli/base-command.ts'
import { chooseFraming } from '../cli/framing/choose-framing.ts'
import { InputFeed } from '../cli/framing/input-feed.ts'
import { startProgress } from '../cli/progress.ts'
import { type AppendSummary, LogladyError, type TopicAppender } from '../log/index.ts'

const STDIN = 0

export default class Append extends LogladyCommand {
  static override summary = 'Append records to a topic: the lines of stdin, or of files.'
  static override description =
    `Bytes in are bytes out: nothing is decoded or changed, and a last line without its newline is a record too. What is missing (the data directory, the topic) is made, and stderr says so. Any number of processes may append to one topic at once.

Exit status 0 says that every record is on stable storage (with --sync never: in the kernel's hands). SIGINT, SIGTERM and SIGHUP end the input behind what its pipe holds at that moment, and what was read is written and synced first; a second signal drops the rest of the pipe.`
  static override examples = [
    { description: 'Lines of stdin to the topic "default"', command: 'cat events | loglady append' },
    { description: 'A file and stdin to the topic "events"', command: 'loglady append events old.log - < new.log' },
    {
      description: 'Keys in front of a colon; the key decides the partition',
      command: 'loglady append users -K : --partitions 4 < users.txt',
    },
    { description: 'One record a NUL-terminated name', command: 'find . -print0 | loglady append files -0' },
    {
      description: 'Copy records with keys, headers and timestamps',
      command: 'loglady read a -J | loglady append b -J',
    },
    {
      description: 'Each batch durable before its line appears on stdout',
      command: 'producer | loglady append --sync batch --ack each',
    },
  ]
  static override args = {
    topic: Args.string({ ignoreStdin: true, description: 'TOPIC or TOPIC/PARTITION (default: default)' }),
    file: Args.string({ ignoreStdin: true, description: 'any number of files, - for stdin (default: -)' }),
  }
  // Oclif lets a list of arguments follow required ones only; without `strict` it takes any number.
  static override strict = false
  static override flags = appendFlags
  static override flagHints = {
    '-t': 'the topic is the first argument: loglady append TOPIC',
    '-f': 'files are arguments: loglady append TOPIC FILE',
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(Append)
    const positionals = argv as string[]
    const framing = chooseFraming(framingFlags(flags))
    refuseFileAsTopic(positionals, topic => existsSync(this.common.dir) && this.openDirectory().hasTopic(topic))
    const source = parseSource(positionals, flags.partition)
    const directory = this.openDirectory({ create: true })
    await prepareTopic(directory, source, wantedTopic(flags), note => this.note(note))
    const acks = flags.ack === 'each' ? new AckLines() : undefined
    let feed: InputFeed | undefined
    const appender = await directory.topicAppender(source.topic, {
      ...appendOptions(flags),
      ...(source.partition === undefined ? {} : { partition: source.partition }),
      ...(acks === undefined ? {} : { onAck: ack => acks.add(ack) }),
      onFailure: () => feed?.abort(),
    })
    feed = new InputFeed({ files: source.files, framing, target: appender, whenReady: () => acks?.ready() })
    await this.#append(appender, feed, acks, flags)
  }

  async #append(
    appender: TopicAppender,
    feed: InputFeed,
    acks: AckLines | undefined,
    flags: AppendFlags,
  ): Promise<void> {
    const began = performance.now()
    const interruption = this.interruption()
    for (const signal of [interruption.signal, interruption.again]) signal.addEventListener('abort', () => feed.stop())
    let refused: unknown
    let summary: AppendSummary
    try {
      await this.#readAll(feed).catch(error => {
        refused = error
      })
      summary = await appender.close()
    } catch (error) {
      throw explained(error, appender.summary(), false)
    } finally {
      await acks?.end()
    }
    if (refused !== undefined) throw explained(refused, summary, true)
    if (feed.interruption !== undefined) this.note(describeInterruption(interruption.received!, feed.interruption))
    const milliseconds = performance.now() - began
    this.#tellSummary(formatSummary(summary, feed.bytes, milliseconds))
    if (flags.ack === 'summary') await this.printJson(summaryAsJson(summary, feed.bytes, milliseconds))
  }

  async #readAll(feed: InputFeed): Promise<void> {
    if (feed.readsStdin && isatty(STDIN)) {
      this.note('reading from the terminal; Ctrl-D ends the input')
      return feed.run()
    }
    const progress = startProgress({ label: 'appending', unit: 'bytes', quiet: this.common.quiet })
    feed.onProgress = bytes => progress.update(bytes)
    try {
      await feed.run()
    } finally {
      progress.end()
    }
  }

  #tellSummary(text: string): void {
    if (this.common.json) this.detail(text)
    else if (!this.common.quiet && (this.common.verbose || process.stderr.isTTY)) process.stderr.write(`${text}\n`)
  }
}

function explained(error: unknown, summary: AppendSummary, isComplete: boolean): unknown {
  return error instanceof LogladyError ? withHint(error, describeSafe(summary, isComplete)) : error
}
