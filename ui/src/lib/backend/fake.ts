import type { Backend } from "./backend";
import type {
  AccountDetail,
  AccountQuery,
  ActInput,
  ActivityFilter,
  ActivityRow,
  AppState,
  BackendEvent,
  CommandError,
  Decision,
  DecisionCard,
  Draft,
  InboxItem,
  MemberQuery,
  MemberRow,
  NewerVersion,
  NotificationSettings,
  PartnershipDetail,
  PartnershipQuery,
  Profile,
  ProgramChange,
  ProgramSettings,
  SharedAccountRow,
  Step,
} from "./bindings";

const HOST = { id: "01990000-0000-7000-8000-00000000aaaa", name: "Lumen Robotics" };
const PEOPLE = {
  uma: {
    id: "01990000-0000-7000-8000-000000000001",
    name: "Uma Castillo",
    email: "uma@lumen.example",
  },
  adam: {
    id: "01990000-0000-7000-8000-000000000002",
    name: "Adam Berg",
    email: "adam@lumen.example",
  },
  marit: {
    id: "01990000-0000-7000-8000-000000000003",
    name: "Marit Solheim",
    email: "marit@fjord.example",
  },
};

/** A backend in memory, for component tests and for looking at the screens in a plain browser. */
export class FakeBackend implements Backend {
  state: AppState;
  details: PartnershipDetail[];
  accountList: AccountDetail[] = [account(0), account(1), account(2)];
  memberList: MemberRow[] = [member("uma", 1), member("adam", 2)];
  sharedList: SharedAccountRow[] = [];
  card: DecisionCard = {
    senderSince: new Date(Date.now() - 400 * 86_400_000).toISOString(),
    senderRole: "workspace_user",
    senderRequests: 3,
    before: "never",
    domain: null,
    domainIsPublic: false,
    domainKnownFrom: [],
    resemblances: [],
  };
  activityList: ActivityRow[] = [activity(0), activity(1), activity(2)];
  /** The next call of this name is refused so. */
  refusals = new Map<string, CommandError>();
  sent: unknown[] = [];
  notifications: NotificationSettings = {
    remindAfterHours: 24,
    quietHours: null,
    news: {
      approved: true,
      declined: true,
      accepted: true,
      expired: true,
      removed: true,
      access: true,
    },
    mutedProfiles: [],
    hideNames: false,
  };
  program: ProgramSettings = {
    startAtLogin: false,
    closeWithoutTray: "quit",
    hasTray: true,
    caFile: null,
    caFileProblem: null,
    lookForUpdates: null,
    language: "system",
  };
  /** What is there to be found. */
  newer: NewerVersion | null = null;
  memory = new Map<string, string>();
  #sorted: PartnershipDetail["row"][] = [];
  readonly #listeners = new Set<(event: BackendEvent) => void>();

  constructor(start: "first" | "ready" = "ready", partners = 40) {
    this.details = Array.from({ length: partners }, (_, number) => partnership(number));
    this.state = appState(start === "first" ? [] : [profile("adam", "workspace_admin", 0)]);
    this.#count();
  }

  async listen(on: (event: BackendEvent) => void) {
    this.#listeners.add(on);
    return () => void this.#listeners.delete(on);
  }

  async zoom() {
    return null;
  }

  emit(event: BackendEvent) {
    for (const on of this.#listeners) on(event);
  }

  async appState() {
    return structuredClone(this.state);
  }

  async startDemo() {
    this.#refuse("startDemo");
    this.state = appState([
      profile("uma", "workspace_user", 0),
      profile("adam", "workspace_admin", 1),
    ]);
    this.state.demo = {
      guestName: "Fjord Studio",
      guestWorkspaceId: "01990000-0000-7000-8000-00000000bbbb",
      partnerEmail: "marit@fjord.example",
    };
    for (const one of this.state.profiles) one.demo = true;
    this.#count();
    return this.appState();
  }

  async endDemo() {
    this.state = appState([]);
    return this.appState();
  }

  async connect(server: string, key: string) {
    this.#refuse("connect");
    this.sent.push({ server, key });
    this.state = appState([profile("adam", "workspace_admin", 0)]);
    this.#count();
    return this.appState();
  }

  async signIn(server: string, address: string) {
    this.#refuse("signIn");
    this.sent.push({ server, address });
    this.state = appState([{ ...profile("adam", "workspace_admin", 0), signIn: "browser" }]);
    this.#count();
    return this.appState();
  }

  async signInAgain(id: string) {
    this.#refuse("signInAgain");
    return this.#change(id, { connectivity: { kind: "live" }, locked: false });
  }

  async cancelSignIn() {
    return null;
  }

  async renewKey(id: string, key: string) {
    this.#refuse("renewKey");
    this.sent.push({ profile: id, key });
    return this.#change(id, { connectivity: { kind: "live" }, locked: false });
  }

  async unlockProfile(id: string) {
    this.#refuse("unlockProfile");
    return this.#change(id, { connectivity: { kind: "live" }, keeping: "encrypted" });
  }

  async renameProfile(id: string, label: string) {
    return this.#change(id, { label: label.trim() || null });
  }

  async colorProfile(id: string, color: number) {
    return this.#change(id, { color });
  }

  async keepUnencrypted(allow: boolean) {
    this.state.keepsUnencrypted = allow;
    for (const one of this.state.profiles) one.keeping = allow ? "unencrypted" : "memory";
    return this.appState();
  }

  #change(id: string, change: Partial<Profile>) {
    const found = this.state.profiles.find((one) => one.id === id);
    if (found) Object.assign(found, change);
    return this.appState();
  }

  async activateProfile(id: string) {
    this.state.active = id;
    return this.appState();
  }

  async signOut(id: string) {
    this.state.profiles = this.state.profiles.filter((one) => one.id !== id);
    this.state.active = this.state.profiles[0]?.id ?? null;
    return this.appState();
  }

  async syncNow() {
    return null;
  }

  async partnerships(_: string, query: PartnershipQuery) {
    const words = query.search.toLowerCase();
    const rows = this.#rowsByName()
      .filter((row) => searchText(row).includes(words))
      .filter((row) => !query.side || row.side === query.side)
      .filter((row) => query.states.length === 0 || query.states.includes(row.state));
    return {
      rows: rows.slice(query.offset, query.offset + query.limit),
      total: rows.length,
      more: false,
    };
  }

  async partnership(_: string, id: string) {
    this.#refuse("partnership");
    return structuredClone(this.#find(id));
  }

  async accounts(_: string, query: AccountQuery) {
    const words = query.search.toLowerCase();
    const rows = this.accountList
      .filter((one) => `${one.application} ${one.label}`.toLowerCase().includes(words))
      .filter((one) => query.roles.length === 0 || query.roles.includes(one.role ?? ""));
    return { rows: rows.slice(query.offset, query.offset + query.limit), total: rows.length };
  }

  async account(_: string, id: string) {
    this.#refuse("account");
    const found = this.accountList.find((one) => one.id === id);
    if (!found) throw refusal("not_found", "This is not there any more, or not yours to see.");
    return structuredClone(found);
  }

  async sharedAccounts() {
    return structuredClone(this.sharedList);
  }

  async shareableAccounts(_: string, __: string, search: string) {
    return this.accountList.filter(
      (one) =>
        one.role === "account_owner" &&
        !this.sharedList.some((shared) => shared.accountId === one.id) &&
        `${one.application} ${one.label}`.toLowerCase().includes(search.toLowerCase()),
    );
  }

  async partnerMembers() {
    return [
      {
        user: PEOPLE.marit,
        accounts: [{ account: "Mailchimp, EMEA newsletter", role: "account_manager" }],
        since: new Date().toISOString(),
        removable: true,
      },
    ];
  }

  async members(_: string, query: MemberQuery) {
    const words = query.search.toLowerCase();
    const rows = this.memberList
      .filter((one) => `${one.name} ${one.email}`.toLowerCase().includes(words))
      .filter((one) => query.statuses.length === 0 || query.statuses.includes(one.status));
    return { rows: rows.slice(query.offset, query.offset + query.limit), total: rows.length };
  }

  async impact() {
    return {
      accounts: 1,
      members: 2,
      grants: 2,
      pendingRequests: 1,
      accountNames: ["Mailchimp, EMEA"],
      memberNames: ["Marit Solheim", "Nils Dahl"],
    };
  }

  async act(_: string, input: ActInput) {
    this.#refuse("act");
    this.sent.push(input);
    if (input.kind === "share") {
      for (const id of input.accountIds) {
        const found = this.accountList.find((one) => one.id === id);
        if (found) this.sharedList.push(shared(found));
      }
    }
    if (input.kind === "decide_access") {
      for (const one of this.accountList) {
        one.requests = one.requests.filter((request) => request.id !== input.requestId);
      }
    }
    if (input.kind === "unshare") {
      this.sharedList = this.sharedList.filter((one) => one.accountId !== input.accountId);
    }
    this.emit({ kind: "resources_changed", profile: "", kinds: ["account", "access_request"] });
    return null;
  }

  async logIn() {
    this.#refuse("logIn");
    return { username: "uma@lumen.example", passwordCopied: true, clearsAfter: 30 };
  }

  async activities(_: string, filter: ActivityFilter, offset: number, limit: number) {
    const rows = this.activityList
      .filter((one) => !filter.event || one.event === filter.event)
      .filter((one) => !filter.application || one.application === filter.application)
      .filter((one) => !filter.userId || one.user?.id === filter.userId);
    return { rows: rows.slice(offset, offset + limit), total: rows.length };
  }

  async activityChoices() {
    const users = this.activityList.flatMap((one) => (one.user ? [one.user] : []));
    const applications = this.activityList.flatMap((one) => one.application ?? []);
    return {
      applications: [...new Set(applications)],
      accounts: [],
      users: [...new Map(users.map((user) => [user.id, user])).values()],
    };
  }

  async activityBars() {
    return [0, 3, 1, 0, 2].map((count, number) => ({
      begin: new Date(Date.now() - (5 - number) * 86_400_000).toISOString(),
      count,
    }));
  }

  async readActivities() {
    return null;
  }

  async saveActivities() {
    this.#refuse("saveActivities");
    return { path: "/home/adam/Downloads/activity.csv" };
  }

  async partnershipWith(_: string, workspaceId: string) {
    return this.details.find((one) => one.guest.id === workspaceId)?.row ?? null;
  }

  async inbox(): Promise<InboxItem[]> {
    const admin = this.state.profiles.find((one) => one.role === "workspace_admin");
    if (!admin) return [];
    return this.details
      .filter((one) => one.row.awaitingMe)
      .map((one) => ({
        profile: admin.id,
        partnershipId: one.row.id,
        requestId: null,
        accountName: null,
        accountId: null,
        kind: one.row.side === "host" ? "approval" : "acceptance",
        member: null,
        hostName: one.host.name,
        guestName: one.guest.name,
        requestedBy: one.requestedBy.name,
        reason: one.reason,
        since: one.row.awaitingSince ?? one.createdAt,
        expiresAt: one.row.expiresAt ?? one.createdAt,
        version: one.version,
        allowedActions: one.allowedActions,
      }));
  }

  async sendRequest(_: string, draft: Draft) {
    this.#refuse("sendRequest");
    this.sent.push(draft);
    const made = partnership(this.details.length + 1);
    made.row.partnerEmail = draft.partnerEmail;
    this.details.push(made);
    return structuredClone(made);
  }

  async decide(_: string, id: string, version: number, decision: Decision) {
    this.#refuse("decide");
    this.sent.push({ id, version, ...decision });
    const one = this.#find(id);
    const [state, tone] = AFTER[decision.action] ?? ["withdrawn", "closed"];
    Object.assign(one.row, { state, tone, awaitingMe: false });
    one.allowedActions = state === "active" ? ACTIVE : [];
    one.version += 1;
    this.#count();
    this.emit({ kind: "partnerships_changed", profile: "", ids: [id] });
    return structuredClone(one);
  }

  async decisionCard(_: string, id: string) {
    const { guest } = this.#find(id);
    return structuredClone({ ...this.card, domain: `${guest.name.toLowerCase()}.example` });
  }

  async terms() {
    return {
      version: "2026-11-01",
      hash: "00",
      text: "1. Accounts stay with the host.\n\n2. What you do is recorded.\n\n3. Either side can end it.",
    };
  }

  async pauseNotifications(choice: "hour" | "today" | null) {
    this.state.pausedUntil = choice ? new Date(Date.now() + 3_600_000).toISOString() : null;
    return this.appState();
  }

  async dismissNotice(kind: string) {
    this.state.notices = this.state.notices.filter((notice) => notice.kind !== kind);
    return this.appState();
  }

  async lookForUpdate() {
    this.#refuse("lookForUpdate");
    this.state.newer = this.newer;
    return this.appState();
  }

  async putOffUpdate() {
    if (this.state.newer) this.state.newer.putOff = true;
    return this.appState();
  }

  async installUpdate() {
    this.#refuse("installUpdate");
    this.sent.push("installUpdate");
    return null;
  }

  async notificationSettings() {
    return structuredClone(this.notifications);
  }

  async changeNotificationSettings(settings: NotificationSettings) {
    this.#refuse("changeNotificationSettings");
    this.notifications = structuredClone(settings);
    return this.notificationSettings();
  }

  async programSettings() {
    return { ...this.program };
  }

  async changeProgramSettings(change: ProgramChange) {
    this.#refuse("changeProgramSettings");
    this.program.startAtLogin = change.startAtLogin ?? this.program.startAtLogin;
    this.program.closeWithoutTray = change.closeWithoutTray ?? this.program.closeWithoutTray;
    if (change.caFile !== null) this.program.caFile = change.caFile || null;
    this.program.lookForUpdates = change.lookForUpdates ?? this.program.lookForUpdates;
    if (change.language !== null) {
      this.program.language = change.language;
      this.state.language = change.language === "de" ? "de" : "en";
      this.emit({ kind: "state_changed" });
    }
    return this.programSettings();
  }

  async windowMemory() {
    return Object.fromEntries(this.memory);
  }

  async rememberForWindow(name: string, value: string | null) {
    if (value === null) this.memory.delete(name);
    else this.memory.set(name, value);
    return null;
  }

  async diagnostics() {
    return "Entente: 0.1.0\nSystem: linux x86_64\n\nLog:\n";
  }

  /** Sorted once, because long lists are read at every key. */
  #rowsByName() {
    if (this.#sorted.length !== this.details.length) {
      this.#sorted = this.details.map((one) => one.row);
      this.#sorted.sort((one, other) => one.name.localeCompare(other.name));
    }
    return this.#sorted;
  }

  #find(id: string): PartnershipDetail {
    const found = this.details.find((one) => one.row.id === id);
    if (found) return found;
    throw refusal("not_found", "This partnership is not there any more, or not yours to see.");
  }

  #refuse(name: string) {
    const error = this.refusals.get(name);
    this.refusals.delete(name);
    if (error) throw error;
  }

  #count() {
    const waiting = this.details.filter((one) => one.row.awaitingMe).length;
    for (const one of this.state.profiles)
      one.waiting = one.role === "workspace_admin" ? waiting : 0;
  }
}

const texts = new Map<string, string>();

/** What a partnership is found by; kept, because long lists are searched at every key. */
function searchText(row: PartnershipDetail["row"]): string {
  const known = texts.get(row.id);
  if (known !== undefined) return known;
  const text = `${row.name} ${row.partnerEmail}`.toLowerCase();
  texts.set(row.id, text);
  return text;
}

export function refusal(code: string, message: string, field: string | null = null): CommandError {
  return { code, message, field, retryable: false, existingId: null };
}

const ACTIVE = ["remove", "share_accounts", "see_members"];

type Tone = PartnershipDetail["row"]["tone"];

const AFTER: Record<string, [string, Tone]> = {
  approve: ["awaiting_acceptance", "waits_for_them"],
  accept: ["active", "active"],
  decline: ["declined_by_host", "error"],
  remove: ["removed", "error"],
};

function appState(profiles: Profile[]): AppState {
  return {
    version: "0.1.0",
    profiles,
    active: profiles[0]?.id ?? null,
    demo: null,
    notices: [],
    language: "en",
    pausedUntil: null,
    openItem: null,
    newer: null,
    keepsUnencrypted: null,
    ready: true,
  };
}

function profile(who: keyof typeof PEOPLE, role: string, color: number): Profile {
  return {
    id: PEOPLE[who].id,
    label: null,
    userName: PEOPLE[who].name,
    email: PEOPLE[who].email,
    role,
    workspaceName: HOST.name,
    workspaceId: HOST.id,
    server: "https://entente.example.com",
    color,
    demo: false,
    signIn: "key",
    keeping: "encrypted",
    locked: false,
    connectivity: { kind: "live" },
    asOf: new Date().toISOString(),
    waiting: 0,
    maySendRequests: true,
    requestNeedsReason: role !== "workspace_admin",
  };
}

const NAMES = [
  "Brightside Agency",
  "Kestrel Legal",
  "Fjord Studio",
  "Alder Films",
  "Cobalt Tax",
  "Maple Media",
];
const STATES: [string, Tone][] = [
  ["awaiting_approval", "waits_for_you"],
  ["awaiting_acceptance", "waits_for_them"],
  ["active", "active"],
  ["declined_by_guest", "error"],
  ["withdrawn", "closed"],
];

function partnership(number: number): PartnershipDetail {
  const [state, tone] = STATES[number === 0 ? 0 : 1 + (number % 4)] ?? ["active", "active"];
  const name = `${NAMES[number % NAMES.length]}${number < NAMES.length ? "" : ` ${number}`}`;
  const created = new Date(Date.now() - (number + 1) * 7_200_000).toISOString();
  const expires = new Date(Date.now() + 13 * 86_400_000).toISOString();
  const waits = state.startsWith("awaiting");
  const approval = state === "awaiting_approval";
  return {
    row: {
      id: `01990000-0000-7000-8000-${String(number).padStart(12, "0")}`,
      name,
      side: "host",
      state,
      tone,
      partnerEmail: `hello@${name.split(" ")[0]?.toLowerCase()}.example`,
      updatedAt: created,
      awaitingSince: waits ? created : null,
      expiresAt: waits ? expires : null,
      awaitingMe: approval,
    },
    version: 1,
    host: HOST,
    guest: { id: `01990000-0000-7000-9000-${String(number).padStart(12, "0")}`, name },
    reason: "They run our spring campaign and need the advertising accounts until May.",
    requestedBy: PEOPLE.uma,
    owners: [PEOPLE.uma],
    approvedAutomatically: false,
    createdAt: created,
    remindersSent: 0,
    lastReminderAt: null,
    nextReminderAt: null,
    steps: [
      step("requested", "done", PEOPLE.uma.name, created),
      approval
        ? { ...step("approved", "current", HOST.name, null), until: expires }
        : step("approved", "done", PEOPLE.adam.name, created),
      approval
        ? step("accepted", "todo", null, null)
        : state === "active"
          ? step("accepted", "done", "Ines Kowalska", created)
          : waits
            ? { ...step("accepted", "current", name, null), until: expires }
            : step("accepted", "failed", "Ines Kowalska", created),
    ],
    history: [
      { at: created, what: "sent", by: PEOPLE.uma, note: null },
      ...(approval
        ? []
        : [{ at: created, what: "approved" as const, by: PEOPLE.adam, note: null }]),
      ...(state === "active"
        ? [{ at: created, what: "accepted" as const, by: PEOPLE.marit, note: null }]
        : []),
    ],
    allowedActions: approval ? ["approve", "decline"] : state === "active" ? ACTIVE : [],
    pending: null,
    predecessorId: null,
  };
}

function step(
  name: Step["name"],
  status: Step["status"],
  who: string | null,
  at: string | null,
): Step {
  const how = ({ done: "done", current: "awaits_admin", failed: "declined", todo: null } as const)[
    status
  ];
  return { name, status, how, who, at, until: null };
}

const APPS: [string, string][] = [
  ["Mailchimp", "EMEA newsletter"],
  ["Figma", "Brand"],
  ["Stripe", "Shop"],
];

function account(number: number): AccountDetail {
  const [application, label] = APPS[number] ?? ["App", "Label"];
  const since = new Date(Date.now() - 86_400_000).toISOString();
  const owns = number !== 2;
  return {
    id: `01990000-0000-7000-a000-${String(number).padStart(12, "0")}`,
    application,
    label,
    role: owns ? "account_owner" : "account_manager",
    via: owns ? null : { id: HOST.id, name: "Globex" },
    owners: [PEOPLE.uma],
    lastLoginAt: null,
    allowedActions: owns ? ["log_in", "add_user"] : ["log_in", "request_access"],
    url: "https://app.example.com",
    partnershipId: null,
    createdAt: since,
    users: [
      {
        user: PEOPLE.uma,
        workspace: HOST,
        isGuest: false,
        role: "account_owner",
        since,
        version: 1,
        allowedActions: [],
      },
      {
        user: PEOPLE.marit,
        workspace: { id: HOST.id, name: "Fjord Studio" },
        isGuest: true,
        role: "account_manager",
        since,
        version: 3,
        allowedActions: owns ? ["change_role", "remove"] : [],
      },
    ],
    requests:
      number === 0
        ? [
            {
              id: "01990000-0000-7000-b000-000000000000",
              accountId: "01990000-0000-7000-a000-000000000000",
              accountName: "Mailchimp, EMEA newsletter",
              member: {
                id: "01990000-0000-7000-8000-00000000000a",
                name: "Nils Dahl",
                email: "nils@fjord.example",
              },
              guestName: "Fjord Studio",
              role: "account_collaborator",
              requestedBy: PEOPLE.marit,
              message: "Nils runs the spring campaign.",
              state: "pending",
              since,
              decidedBy: null,
              decidedAt: null,
              version: 1,
              allowedActions: ["accept", "decline"],
            },
          ]
        : [],
  };
}

function shared(of: AccountDetail): SharedAccountRow {
  return {
    accountId: of.id,
    application: of.application,
    label: of.label,
    owners: of.owners,
    role: "account_collaborator",
    sharedBy: PEOPLE.uma.name,
    sharedAt: new Date().toISOString(),
    allowedActions: ["remove"],
  };
}

function member(who: keyof typeof PEOPLE, number: number): MemberRow {
  return {
    ...PEOPLE[who],
    role: number === 2 ? "workspace_admin" : "workspace_user",
    status: "live",
    since: new Date(Date.now() - 86_400_000 * 90).toISOString(),
    allowedActions: number === 2 ? [] : ["remove"],
  };
}

function activity(number: number): ActivityRow {
  const [event, eventLabel] = [
    ["account_credential_read", "Account Login"],
    ["account_shared_via_partnership", "Account Shared Via Partnership"],
    ["partnership_accepted", "Partnership Accepted"],
  ][number] ?? ["partnership_updated", "Partnership Updated"];
  return {
    id: `01990000-0000-7000-c000-${String(number).padStart(12, "0")}`,
    time: new Date(Date.now() - number * 3_600_000).toISOString(),
    event: event ?? "",
    eventLabel: eventLabel ?? "",
    account: number < 2 ? "EMEA newsletter" : null,
    application: number < 2 ? "Mailchimp" : null,
    user: PEOPLE.uma,
    subject: null,
    location: "127.0.0.1",
    os: "linux",
    device: "desk",
    detail: "",
  };
}
