import type { ClerkClient as OfficialClient, EmailAddress as OfficialEmail, PhoneNumber as OfficialNumber } from '@clerk/backend';
import { createClerkClient as createOfficialClient } from '@clerk/backend';
import { isClerkAPIResponseError as isOfficialError } from '@clerk/backend/errors';
import { createClerkClient, isApiError, startVerger, verifyToken } from '@verger/backend';
import type { ErrorCode, VergerErrorCode } from '@verger/backend';
import { isClerkAPIResponseError } from '@verger/backend/errors';

// Changing the import is all: ours stands where theirs is asked for. `Pick` takes what can be called; the official classes
// have protected members beside, and nothing but their own instances can be assigned to a class that has.
const clerkClient = createClerkClient({ secretKey: 'sk_test_x', apiUrl: 'http://127.0.0.1:4100' });
const phoneNumbers: Pick<OfficialClient['phoneNumbers'], keyof OfficialClient['phoneNumbers']> = clerkClient.phoneNumbers;
const emailAddresses: Pick<OfficialClient['emailAddresses'], keyof OfficialClient['emailAddresses']> =
  clerkClient.emailAddresses;
// One method of theirs is deprecated, and others belong to operations that no Verger has yet.
const sessions: Omit<Pick<OfficialClient['sessions'], keyof OfficialClient['sessions']>, 'verifySession'> = clerkClient.sessions;
const clients: Omit<Pick<OfficialClient['clients'], keyof OfficialClient['clients']>, 'getHandshakePayload'> =
  clerkClient.clients;
const jwtTemplates: Pick<OfficialClient['jwtTemplates'], keyof OfficialClient['jwtTemplates']> = clerkClient.jwtTemplates;
const signInTokens: Pick<OfficialClient['signInTokens'], keyof OfficialClient['signInTokens']> = clerkClient.signInTokens;
const actorTokens: Pick<OfficialClient['actorTokens'], keyof OfficialClient['actorTokens']> = clerkClient.actorTokens;
const testingTokens: Pick<OfficialClient['testingTokens'], keyof OfficialClient['testingTokens']> =
  clerkClient.testingTokens;
const allowed: Pick<OfficialClient['allowlistIdentifiers'], keyof OfficialClient['allowlistIdentifiers']> =
  clerkClient.allowlistIdentifiers;
const blocked: Pick<OfficialClient['blocklistIdentifiers'], keyof OfficialClient['blocklistIdentifiers']> =
  clerkClient.blocklistIdentifiers;
const credentials: Pick<
  OfficialClient['users'],
  'verifyPassword' | 'verifyTOTP' | 'deleteUserTOTP' | 'deleteUserBackupCodes'
> = clerkClient.users;
const number: OfficialNumber = await clerkClient.phoneNumbers.updatePhoneNumber('idn_x', { verified: false });
const address: OfficialEmail = await clerkClient.emailAddresses.getEmailAddress('idn_x');

// A program that was written for theirs compiles with ours.
async function program(client: ReturnType<typeof createOfficialClient> | typeof clerkClient): Promise<boolean> {
  const phoneNumberId = 'idn_x';
  const params = { verified: false };
  const response = await client.phoneNumbers.updatePhoneNumber(phoneNumberId, params);
  const { data, totalCount } = await client.users.getUserList({ limit: 10, orderBy: '-created_at', query: 'ada' });
  const user = await client.users.createUser({ phoneNumber: ['+12025550100'], createdAt: new Date() });
  await client.users.updateUser(user.id, { primaryPhoneNumberID: response.id, publicMetadata: { plan: 'a' } });
  const session = await client.sessions.createSession({ userId: user.id });
  const { jwt } = await client.sessions.getToken(session.id, 'billing', 60);
  await client.jwtTemplates.update({ templateId: 'jtmp_x', name: 'billing', claims: { jwt }, lifetime: null });
  const { data: invitations } = await client.invitations.getInvitationList({ status: 'pending', orderBy: '-expires_at' });
  await client.invitations.createInvitationBulk(invitations.map(({ emailAddress }) => ({ emailAddress, notify: false })));
  await client.actorTokens.create({ userId: user.id, actor: { sub: user.id } });
  await client.users.updateUser(user.id, { password: 'a long sentence', signOutOfOtherSessions: true });
  const { verified } = await client.users.verifyPassword({ userId: user.id, password: 'a long sentence' });
  const { allowlist } = await client.instance.updateRestrictions({ allowlist: verified });
  if (!allowlist) return false;
  return data.every(user => user.primaryPhoneNumber?.verification?.status === 'verified') && totalCount > 0;
}

try {
  await program(clerkClient);
} catch (error) {
  if (isClerkAPIResponseError(error) && isOfficialError(error)) {
    const name: string | undefined = error.errors[0]?.meta?.paramName;
    const wait: number | undefined = error.retryAfter;
    console.log(error.status, error.clerkTraceId, error.errors[0]?.code, name, wait);
  }
  if (isApiError(error)) console.log(error.reason, error.attempts);
}

const verger = await startVerger();
const { id } = await clerkClient.phoneNumbers.preparePhoneNumberVerification(number.id);
const code: string | null | undefined = verger.inbox()[0]?.code;
if (code) await clerkClient.phoneNumbers.attemptPhoneNumberVerification(number.id, { verificationId: id, code });
verger.advanceClock(1000);
await verger.reset();
await verger.stop();

// Codes complete in an editor, and those of other services and of later versions are codes too.
const knownCode: VergerErrorCode = 'form_identifier_exists';
const anyCodes: ErrorCode[] = [knownCode, 'a_code_of_tomorrow'];

// What must not compile.
// @ts-expect-error a text is no truth value
await clerkClient.phoneNumbers.updatePhoneNumber('idn_x', { verified: 'no' });
// @ts-expect-error there is no such field
await clerkClient.phoneNumbers.updatePhoneNumber('idn_x', { checked: true });
// @ts-expect-error an id is needed
await clerkClient.phoneNumbers.getPhoneNumber();
// @ts-expect-error a number needs its user
await clerkClient.phoneNumbers.createPhoneNumber({ phoneNumber: '+12025550100' });
// @ts-expect-error a ticket is for somebody
await clerkClient.signInTokens.createSignInToken({ expiresInSeconds: 60 });
// @ts-expect-error a session is of somebody
await clerkClient.sessions.createSession({});
// @ts-expect-error results are not written to
number.phoneNumber = '';
// @ts-expect-error no server has this code yet
const unknownCode: VergerErrorCode = 'a_code_of_tomorrow';

export { actorTokens, address, allowed, anyCodes, blocked, clients, credentials, emailAddresses, jwtTemplates, phoneNumbers };
export { sessions, signInTokens, testingTokens, unknownCode };

// Who is signed in: the lines that a program has for theirs.
async function who(client: typeof clerkClient): Promise<string | null> {
  const state = await client.authenticateRequest(new Request('https://app.example.com/'), {
    authorizedParties: ['https://app.example.com'],
    publishableKey: 'pk_test_x',
  });
  if (state.status === 'handshake') return state.headers.get('location');
  const { userId, sessionId, has, getToken } = state.toAuth();
  return userId && has({ permission: 'org:docs:read' }) && sessionId ? getToken() : null;
}

await who(clerkClient);
const { sub, sid } = await verifyToken('eyJ…', { jwtKey: 'pem', authorizedParties: ['https://app.example.com'] });
const subject: string = sub + sid;
console.log(subject);
