import { serveUntilTold } from '../ready.ts'
import { openSubject } from './open.ts'
import { measureStart } from './start-time.ts'
import { measureThroughput, type ThroughputJob } from './throughput.ts'

// One queue in a process of its own: `node child.ts KIND DATABASE_URL`. Does what each line of stdin says.

export type Command =
  | { do: 'clear' }
  | { do: 'load'; count: number; kind: 'open' | 'held' }
  | { do: 'throughput'; job: ThroughputJob }
  | { do: 'start'; samples: number }

const [, , kind = '', url = ''] = process.argv
await using subject = await openSubject(kind, url)
await serveUntilTold({}, async (line) => {
  const command: Command = JSON.parse(line)
  switch (command.do) {
    case 'clear':
      await subject.clear()
      return {}
    case 'load':
      await subject.load(command.count, command.kind)
      return {}
    case 'throughput':
      return { throughput: await measureThroughput(subject, command.job) }
    case 'start':
      return { times: await measureStart(subject, command.samples) }
  }
})
