// For NODE_OPTIONS=--import: a process whose wall clock is wrong by TEST_CLOCK_OFFSET_MS. The monotonic clock is as it was.

const offsetMs = Number(process.env['TEST_CLOCK_OFFSET_MS'] ?? 0)
const real = Date

globalThis.Date = new Proxy(real, {
  construct: (target, args, made) =>
    Reflect.construct(target, args.length === 0 ? [target.now() + offsetMs] : args, made),
  apply: (target) => new target(target.now() + offsetMs).toString(),
  get: (target, name) => (name === 'now' ? () => target.now() + offsetMs : Reflect.get(target, name)),
})
