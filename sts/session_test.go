package sts_test

import (
	"testing"
	"time"

	"idpool/pooltest"
)

func (w *world) sessionToken(t *testing.T, who session, params ...string) *pooltest.Reply {
	t.Helper()
	return w.node.STS(t, who.key, who.token, "GetSessionToken", params...)
}

// pools tries to list pools.
func (w *world) pools(t *testing.T, who session) *pooltest.Reply {
	t.Helper()
	r, body := w.node.JSON(t, "AWSCognitoIdentityService.ListIdentityPools", pooltest.Object{"MaxResults": 1})
	return w.node.Send(t, r, body, who.key, who.token, "cognito-identity")
}

// A user's session is the user, but for IAM and most of STS.
func TestGetSessionToken(t *testing.T) {
	w := newWorld(t)
	alice := w.user(t, "alice", letting("cognito-identity:ListIdentityPools iam:* sts:*", "*", `"Null":{"aws:TokenIssueTime":"false"}`))
	role := w.role(t, "R", trusting(userARN("alice"), both))
	s := assumed(w.sessionToken(t, alice).Must(t))

	who := w.node.STS(t, s.key, s.token, "GetCallerIdentity").Must(t)
	id := w.iam(t, "GetUser", "UserName", "alice").Element("UserId")
	if who.Element("Arn") != userARN("alice") || who.Element("UserId") != id || who.Element("Account") != pooltest.Account {
		t.Errorf("GetCallerIdentity says %s", who.Body)
	}
	w.pools(t, s).Must(t)
	if r := w.pools(t, alice); r.Status == 200 { // whose long-lived key has no aws:TokenIssueTime
		t.Errorf("%s", r.Body)
	}
	if got := w.arn(t, assumed(w.assume(t, s, role).Must(t))); got != everyone+"R/work" {
		t.Errorf("AssumeRole gave %s", got)
	}
	invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.").
		check(t, w.assume(t, s, role, "DurationSeconds", "7200"))

	refusal{403, "AccessDenied", "Cannot call GetSessionToken with session credentials"}.check(t, w.sessionToken(t, s))
	refusal{403, "AccessDenied", "Cannot call GetAccessKeyInfo with session credentials"}.
		check(t, w.node.STS(t, s.key, s.token, "GetAccessKeyInfo", "AccessKeyId", alice.key.Caller.AccessKeyID))
	r, body := w.node.Query(t, "2010-05-08", "GetUser")
	unknownKey.check(t, w.node.Send(t, r, body, s.key, s.token, "iam"))

	t.Run("no longer than the key", func(t *testing.T) {
		w.iam(t, "UpdateAccessKey", "UserName", "alice", "AccessKeyId", alice.key.Caller.AccessKeyID, "Status", "Inactive")
		unknownKey.check(t, w.node.STS(t, s.key, s.token, "GetCallerIdentity"))
	})
}

func TestGetSessionTokenOfRoot(t *testing.T) {
	w := newWorld(t)
	s := assumed(w.sessionToken(t, session{key: w.node.Root}, "DurationSeconds", "129600").Must(t))
	if got := w.arn(t, s); got != root {
		t.Errorf("it is %s", got)
	}
	w.pools(t, s).Must(t)
	refusal{403, "AccessDenied", "Roles may not be assumed by root accounts."}.check(t, w.assume(t, s, roleARN("R")))
	r, body := w.node.Query(t, "2010-05-08", "ListRoles")
	unknownKey.check(t, w.node.Send(t, r, body, s.key, s.token, "iam"))
	r, body = w.node.JSON(t, "IdpoolAdmin.CreateAccount", pooltest.Object{"AccountId": account})
	if r := w.node.Send(t, r, body, s.key, s.token, "idpool"); r.Status != 400 || r.Code() != "UnrecognizedClientException" {
		t.Errorf("CreateAccount: %d %s", r.Status, r.Body)
	}
}

func TestGetSessionTokenDuration(t *testing.T) {
	w := newWorld(t)
	alice, top := w.user(t, "alice"), session{key: w.node.Root}
	for _, row := range []struct {
		who   session
		asked string
		want  time.Duration
	}{
		{alice, "", 12 * time.Hour},
		{alice, "900", 15 * time.Minute},
		{alice, "129600", 36 * time.Hour},
		{top, "", time.Hour},
		{top, "900", 15 * time.Minute},
		{top, "129600", time.Hour},
	} {
		var params []string
		if row.asked != "" {
			params = []string{"DurationSeconds", row.asked}
		}
		end := w.sessionToken(t, row.who, params...).Must(t).Element("Expiration")
		if want := w.node.Clock.Now().Add(row.want).UTC().Format(time.RFC3339); end != want {
			t.Errorf("%s seconds: until %s, want %s", row.asked, end, want)
		}
	}
	constraint("Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600").
		check(t, w.sessionToken(t, alice, "DurationSeconds", "129601"))
	refusal{403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."}.
		check(t, w.sessionToken(t, alice, "SerialNumber", "GAHT12345678", "TokenCode", "123456"))
	role := assumed(w.assume(t, w.user(t, "bob"), w.role(t, "R", trusting(userARN("bob"), both))).Must(t))
	refusal{403, "AccessDenied", "Cannot call GetSessionToken with session credentials"}.check(t, w.sessionToken(t, role))
}

func TestGetAccessKeyInfo(t *testing.T) {
	w := newWorld(t)
	theirs := w.node.NewAccount(t, account)
	alice, bob := w.user(t, "alice", letting("sts:GetAccessKeyInfo", "*")), w.user(t, "bob")
	info := func(who session, id string) *pooltest.Reply {
		t.Helper()
		return w.node.STS(t, who.key, who.token, "GetAccessKeyInfo", "AccessKeyId", id)
	}
	for id, want := range map[string]string{
		bob.key.Caller.AccessKeyID: pooltest.Account, w.node.Root.Caller.AccessKeyID: pooltest.Account, theirs.Caller.AccessKeyID: account,
	} {
		if got := info(alice, id).Must(t).Element("Account"); got != want {
			t.Errorf("%s is of %s, want %s", id, got, want)
		}
	}
	invalid("There is no long-lived access key ASIANOBODY0000000000.").check(t, info(alice, "ASIANOBODY0000000000"))
	constraint("Value 'AKIA' at 'accessKeyId' failed to satisfy constraint: Member must have length greater than or equal to 16").
		check(t, info(alice, "AKIA"))
	if r := info(bob, bob.key.Caller.AccessKeyID); r.Status != 403 || r.Code() != "AccessDenied" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
