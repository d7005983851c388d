package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type tree = map[string]any

var noon = time.Date(2026, 11, 21, 12, 0, 0, 999, time.FixedZone("east", 3600))

const (
	account = "123456789012"
	pool    = "eu-west-1:2c0c0d2a-0000-4000-8000-000000000001"
	poolARN = "arn:aws:cognito-identity:eu-west-1:" + account + ":identitypool/" + pool
	guest   = "eu-west-1:2c0c0d2a-0000-4000-8000-000000000002"
)

func root() *Caller {
	return &Caller{Account: account, Region: "us-east-1", AccessKeyID: "AKIA1", ARN: "arn:aws:iam::" + account + ":root", UserID: account, Root: true}
}

// read is the event of a call, as its reader has it.
func read(t *testing.T, c *Call) tree {
	t.Helper()
	line := newEvent(c, "event").line()
	if bytes.IndexByte(line, '\n') != len(line)-1 || len(line) > maxEvent {
		t.Fatalf("%d bytes are no line: %.200s", len(line), line)
	}
	var e tree
	if err := json.Unmarshal(line, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhole(t *testing.T) {
	got := newEvent(&Call{
		Time: noon, Service: "cognito-identity", Operation: "GetCredentialsForIdentity", RequestID: "request",
		Remote: "192.0.2.1:1234", UserAgent: "aws-cli", Pool: poolARN,
		Request: tree{"identityId": guest, "logins": tree{"idp": "a.b.c"}},
		Response: tree{"identityId": guest, "credentials": tree{
			"accessKeyId": "ASIA1", "expiration": noon.Add(5 * time.Hour), "secretKey": "s", "sessionToken": "t",
		}},
	}, "event").line()
	want := `{"eventVersion":"1.08","userIdentity":{"type":"Unknown"},"eventTime":"2026-11-21T11:00:00Z",` +
		`"eventSource":"cognito-identity.amazonaws.com","eventName":"GetCredentialsForIdentity","awsRegion":"eu-west-1",` +
		`"sourceIPAddress":"192.0.2.1","userAgent":"aws-cli",` +
		`"requestParameters":{"identityId":"` + guest + `","logins":{"idp":"HIDDEN_DUE_TO_SECURITY_REASONS"}},` +
		`"responseElements":{"credentials":{"accessKeyId":"ASIA1","expiration":"Nov 21, 2026 4:00:00 PM"},"identityId":"` + guest + `"},` +
		`"requestID":"request","eventID":"event","readOnly":false,` +
		`"resources":[{"accountId":"` + account + `","type":"AWS::Cognito::IdentityPool","ARN":"` + poolARN + `"}],` +
		`"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"` + account + `","eventCategory":"Data"}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUserIdentity(t *testing.T) {
	taken := tree{"provider": "cognito-identity.amazonaws.com", "audience": pool, "subjectFromWebIdentityToken": guest}
	for _, row := range []struct {
		name string
		call Call
		want tree
	}{
		{"the root", Call{Caller: root()}, tree{
			"type": "Root", "principalId": account, "arn": "arn:aws:iam::" + account + ":root", "accountId": account, "accessKeyId": "AKIA1",
		}},
		{"a user with a path", Call{Caller: &Caller{
			Account: account, AccessKeyID: "AKIA2", ARN: "arn:aws:iam::" + account + ":user/ops/night/ann", UserID: "AIDA1",
		}}, tree{
			"type": "IAMUser", "principalId": "AIDA1", "arn": "arn:aws:iam::" + account + ":user/ops/night/ann", "accountId": account,
			"accessKeyId": "AKIA2", "userName": "ann",
		}},
		{"a session", Call{Caller: &Caller{
			Account: account, AccessKeyID: "ASIA1", ARN: "arn:aws:sts::" + account + ":assumed-role/Auth/web", UserID: "AROA1:web",
		}}, tree{
			"type": "AssumedRole", "principalId": "AROA1:web", "arn": "arn:aws:sts::" + account + ":assumed-role/Auth/web",
			"accountId": account, "accessKeyId": "ASIA1", "sessionContext": tree{"sessionIssuer": tree{
				"type": "Role", "principalId": "AROA1", "accountId": account, "userName": "Auth",
			}},
		}},
		{"nobody", Call{Operation: "GetId"}, tree{"type": "Unknown"}},
		{"a token that was taken", Call{Operation: "AssumeRoleWithWebIdentity", Response: taken}, tree{
			"type": "WebIdentityUser", "principalId": "cognito-identity.amazonaws.com:" + pool + ":" + guest, "userName": guest,
			"identityProvider": "cognito-identity.amazonaws.com",
		}},
		{"a token that was not", Call{Operation: "AssumeRoleWithWebIdentity", Code: "AccessDenied"}, tree{"type": "WebIdentityUser"}},
		{"an assertion", Call{Operation: "AssumeRoleWithSAML"}, tree{"type": "SAMLUser"}},
		{
			"an assertion that was taken",
			Call{Operation: "AssumeRoleWithSAML", Response: tree{"subject": "alice", "nameQualifier": "hash"}},
			tree{"type": "SAMLUser", "principalId": "hash:alice", "userName": "alice", "identityProvider": "hash"},
		},
	} {
		if diff := cmp.Diff(row.want, read(t, &row.call)["userIdentity"]); diff != "" {
			t.Errorf("%s, -want +got:\n%s", row.name, diff)
		}
	}
}

// What an operation is decides what is shown of it.
func TestKinds(t *testing.T) {
	const cognito = "cognito-identity"
	for _, row := range []struct {
		service, operation, source, category string
		readOnly, responds                   bool
	}{
		{cognito, "GetId", "cognito-identity.amazonaws.com", "Data", false, true},
		{cognito, "GetOpenIdToken", "cognito-identity.amazonaws.com", "Data", false, true},
		{cognito, "GetOpenIdTokenForDeveloperIdentity", "cognito-identity.amazonaws.com", "Data", false, true},
		{cognito, "GetCredentialsForIdentity", "cognito-identity.amazonaws.com", "Data", false, true},
		{cognito, "UnlinkIdentity", "cognito-identity.amazonaws.com", "Data", false, true},
		{cognito, "GetIdentityPoolRoles", "cognito-identity.amazonaws.com", "Management", true, false},
		{cognito, "LookupDeveloperIdentity", "cognito-identity.amazonaws.com", "Management", true, false},
		{cognito, "CreateIdentityPool", "cognito-identity.amazonaws.com", "Management", false, true},
		{"iam", "ListUsers", "iam.amazonaws.com", "Management", true, false},
		{"iam", "PutRolePolicy", "iam.amazonaws.com", "Management", false, true},
		{"sts", "GetCallerIdentity", "sts.amazonaws.com", "Management", true, false},
		{"sts", "AssumeRoleWithWebIdentity", "sts.amazonaws.com", "Management", true, true},
		{"idpool", "CreateAccount", "idpool", "Management", false, true},
	} {
		c := Call{Service: row.service, Operation: row.operation, Response: tree{"identityId": guest}}
		e := read(t, &c)
		if e["eventSource"] != row.source || e["eventCategory"] != row.category || e["managementEvent"] != (row.category == "Management") ||
			e["readOnly"] != row.readOnly || (e["responseElements"] != nil) != row.responds {
			t.Errorf("%s: %v", row.operation, e)
		}
		c.Code, c.Message, c.Cause = "Refused", "No.", "why"
		e = read(t, &c)
		if e["responseElements"] != nil || e["errorCode"] != "Refused" || e["errorMessage"] != "No." ||
			!cmp.Equal(e["additionalEventData"], any(tree{"cause": "why"})) {
			t.Errorf("%s, refused: %v", row.operation, e)
		}
	}
}

func TestWhere(t *testing.T) {
	assumed := tree{
		"audience": pool, "provider": "cognito-identity.amazonaws.com",
		"assumedRoleUser": tree{"arn": "arn:aws:sts::" + account + ":assumed-role/Auth/web"},
	}
	foreign := tree{"audience": "https://app.example", "provider": "arn", "assumedRoleUser": assumed["assumedRoleUser"]}
	for _, row := range []struct {
		name            string
		call            Call
		region, account any
	}{
		{"signed", Call{Caller: root(), Pool: poolARN}, "us-east-1", account},
		{"on a socket", Call{Caller: &Caller{Account: account}}, nil, account},
		{"of a pool", Call{Pool: poolARN}, "eu-west-1", account},
		{"of an unknown pool", Call{Request: tree{"identityPoolId": pool}}, "eu-west-1", nil},
		{"of an unknown identity", Call{Request: tree{"identityId": guest}}, "eu-west-1", nil},
		{"with a token", Call{Response: assumed}, "eu-west-1", account},
		{"with another provider's token", Call{Response: foreign}, nil, account},
		{"with a bad token", Call{Request: tree{"roleArn": "arn:aws:iam::999999999999:role/Auth"}}, nil, nil},
	} {
		if e := read(t, &row.call); e["awsRegion"] != row.region || e["recipientAccountId"] != row.account {
			t.Errorf("%s: region %v, account %v", row.name, e["awsRegion"], e["recipientAccountId"])
		}
	}
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::1", "192.0.2.1": "192.0.2.1", "": "unix", "@": "unix",
	} {
		if got := read(t, &Call{Remote: remote})["sourceIPAddress"]; got != want {
			t.Errorf("%q is %v", remote, got)
		}
	}
	vouched := Call{Service: "cognito-identity", Operation: "GetOpenIdTokenForDeveloperIdentity", Caller: root(), Request: tree{"identityPoolId": pool}}
	want := []any{tree{
		"accountId": account, "type": "AWS::Cognito::IdentityPool",
		"ARN": "arn:aws:cognito-identity:us-east-1:" + account + ":identitypool/" + pool,
	}}
	if diff := cmp.Diff(any(want), read(t, &vouched)["resources"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Secrets are known by their names, at any depth; what only sounds like one stays.
func TestSecretNames(t *testing.T) {
	stays := tree{
		"nextToken": "n", "tokenDuration": 60.0, "subjectFromWebIdentityToken": "s", "serverSideTokenCheck": true, "removePrivateKey": "id",
		"policyDocument": `{"Statement":[]}`, "accessKeyId": "AKIA1",
	}
	all := tree{
		"accessKey": tree{"secretAccessKey": "x", "userName": "ann"}, "keys": []any{tree{"secretKey": "x"}}, "token": "x",
		"sessionToken": "x", "webIdentityToken": "x", "sAMLAssertion": "x", "addPrivateKey": "x", "userPassword": "x", "clientSecret": tree{"x": "x"},
	}
	for name, v := range stays {
		all[name] = v
	}
	stays["supportedLoginProviders"] = tree{"graph.facebook.com": "7", "api.twitter.com": "key"}
	all["supportedLoginProviders"] = tree{"graph.facebook.com": "7", "api.twitter.com": "key;x"}
	c := &Call{Operation: "CreateAccessKey", Request: all, Response: all}
	e := read(t, c)
	hidden, left := tree{
		"accessKey": tree{"secretAccessKey": Hidden, "userName": "ann"}, "keys": []any{tree{"secretKey": Hidden}}, "token": Hidden,
		"sessionToken": Hidden, "webIdentityToken": Hidden, "sAMLAssertion": Hidden, "addPrivateKey": Hidden, "userPassword": Hidden, "clientSecret": Hidden,
	}, tree{"accessKey": tree{"userName": "ann"}, "keys": []any{tree{}}}
	for name, v := range stays {
		hidden[name], left[name] = v, v
	}
	if diff := cmp.Diff(any(hidden), e["requestParameters"]); diff != "" {
		t.Errorf("request, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(any(left), e["responseElements"]); diff != "" {
		t.Errorf("response, -want +got:\n%s", diff)
	}
	const failed = " at 'supportedLoginProviders' failed to satisfy constraint: Map value must satisfy constraint: [...]"
	e = read(t, &Call{Operation: "CreateIdentityPool", Code: "E", Message: "1 validation error detected: Value '{api.twitter.com=key;x y}'" + failed})
	if e["errorMessage"] != Hidden+failed {
		t.Errorf("message %v", e["errorMessage"])
	}
	if all["token"] != "x" {
		t.Error("the caller's tree was changed")
	}
}

// The largest members make room first; no text that a stranger chooses is too long.
func TestLarge(t *testing.T) {
	document := strings.Repeat(`"`, 40_000)
	e := read(t, &Call{
		Operation: "PutRolePolicy", UserAgent: strings.Repeat("\x01", 60_000), Code: "E", Message: strings.Repeat("é", 60_000), Cause: strings.Repeat("\x01", 60_000),
		Request: tree{"roleName": "Auth", "policyDocument": document, "policyName": "p"},
	})
	want := tree{"roleName": "Auth", "policyName": "p", "policyDocument": tree{"omitted": true, "originalSize": 80_002.0, "reason": "too large"}}
	if diff := cmp.Diff(any(want), e["requestParameters"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(e["userAgent"].(string)) != maxUserAgent || len(e["errorMessage"].(string)) != maxMessage {
		t.Errorf("user agent of %d bytes, message of %d", len(e["userAgent"].(string)), len(e["errorMessage"].(string)))
	}
	e = read(t, &Call{
		Operation: "CreatePolicy", Request: tree{"a": document[:10_000], "b": document[:20_000]}, Response: tree{"a": document[:10_000], "b": document[:10_001]},
	})
	if r := e["requestParameters"].(tree); len(r["a"].(string)) != 10_000 || r["b"].(tree)["omitted"] != true {
		t.Error("the larger member is there, or the smaller is not")
	}
	if r := e["responseElements"].(tree); len(r["a"].(string)) != 10_000 || len(r["b"].(string)) != 10_001 {
		t.Error("more was left out than had to be")
	}
}
