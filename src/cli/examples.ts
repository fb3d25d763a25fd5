/** What `--help` shows at its end, by command: what people do most, ready to be copied. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  deed: [
    'npx deed serve',
    'npx deed new mail',
    'npx deed publish mail',
    'npx deed call mail.v1.MailService/ReadMail -d @mail/request.yaml',
  ],
  'deed serve': [
    'npx deed serve',
    'DEED_PORT=50052 DEED_DATA_DIR=/var/lib/deed npx deed serve',
    'DATABASE_URL=postgresql://deed@db.example.com/deed ANTHROPIC_API_KEY=… npx deed serve',
  ],
  'deed new': ['npx deed new mail', 'npx deed new acme.support', 'npx deed new contracts/ticket-triage'],
  'deed publish': [
    'npx deed publish mail',
    'npx deed publish mail --validate-only',
    'npx deed publish mail --allow-breaking',
    'npx buf build mail -o image.binpb && npx deed publish image.binpb',
  ],
  'deed call': [
    `npx deed call mail.v1.MailService/ReadMail -d '{"text": "Where is my order?"}'`,
    'npx deed call mail.v1.MailService/ReadMail -d @mail/request.yaml',
    'npx deed call mail.v1.MailService/ReadMail --interactive',
    'cat request.json | npx deed call mail.v1.MailService/ReadMail -d - --idempotency-key order-48213',
  ],
  'deed contract': ['npx deed contract list', 'npx deed contract show mail.v1.MailService'],
  'deed contract list': ['npx deed contract list', 'npx deed contract list --json'],
  'deed contract show': [
    'npx deed contract show mail.v1.MailService',
    'npx deed contract show mail.v1.MailService 2',
    'npx deed contract show mail.v1.MailService --schema ReadMail',
    'npx deed contract show mail.v1.MailService --prompt',
  ],
  'deed contract versions': ['npx deed contract versions mail.v1.MailService'],
  'deed contract activate': [
    'npx deed contract activate mail.v1.MailService 1',
    'npx deed contract activate mail.v1.MailService/versions/1',
  ],
  'deed contract delete': ['npx deed contract delete mail.v1.MailService'],
  'deed operation': ['npx deed operation list', 'npx deed operation get 01981f6e-8a60-7c3f-9d24-5a1b2c3d4e5f'],
  'deed operation list': [
    'npx deed operation list --state failed',
    'npx deed operation list --contract mail.v1.MailService --method ReadMail --limit 100',
  ],
  'deed operation get': [
    'npx deed operation get 01981f6e-8a60-7c3f-9d24-5a1b2c3d4e5f',
    'npx deed operation get 01981f6e-8a60-7c3f-9d24-5a1b2c3d4e5f --json',
  ],
  'deed key': ['npx deed key create --role caller', 'npx deed key list'],
  'deed key create': [
    'npx deed key create --role caller --display-name shop',
    'export DEED_KEY=$(npx deed key create --role viewer)',
  ],
  'deed key list': ['npx deed key list'],
  'deed key revoke': ['npx deed key revoke 5f3c1e9a-2b7d-4e8f-9a1c-6d0b3e5f7a92'],
  'deed health': ['npx deed health', 'npx deed health readiness', 'DEED_ADDRESS=db1:50051 npx deed health --json'],
  'deed migrate': ['npx deed migrate', 'DATABASE_URL=postgresql://deed@db.example.com/deed npx deed migrate'],
  'deed doctor': ['npx deed doctor', 'DATABASE_URL=postgresql://deed@db.example.com/deed npx deed doctor --json'],
  'deed completion': [
    'source <(npx deed completion bash)        # in ~/.bashrc',
    'source <(npx deed completion zsh)         # in ~/.zshrc, after compinit',
    'npx deed completion fish | source         # in ~/.config/fish/config.fish',
  ],
}
