package iam_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"idpool/pooltest"
	"idpool/wire"
)

// create calls CreateAccount, which speaks JSON.
func (f *fixture) create(t *testing.T, key wire.Key, session string, in any) *pooltest.Reply {
	t.Helper()
	r, body := f.JSON(t, "IdpoolAdmin.CreateAccount", in)
	return f.Send(t, r, body, key, session, "idpool")
}

func TestCreateAccount(t *testing.T) {
	f := start(t)
	const id = "111122223333"
	r := f.create(t, f.Root, "", pooltest.Object{"AccountId": id}).Must(t)
	made := r.Object(t)
	if want := regexp.MustCompile(`^\{"AccountId":"111122223333","AccessKeyId":"AKIA[A-Z2-7]{16}","SecretAccessKey":"[0-9A-Za-z+/]{40}"\}$`); !want.Match(r.Body) {
		t.Errorf("%s", r.Body)
	}
	// The key is the account's root, and may do everything there.
	key := wire.Key{Secret: made["SecretAccessKey"].(string), Caller: wire.Caller{AccessKeyID: made["AccessKeyId"].(string)}}
	who := f.STS(t, key, "", "GetCallerIdentity").Must(t)
	if who.Element("Arn") != "arn:aws:iam::111122223333:root" || who.Element("UserId") != id || who.Element("Account") != id {
		t.Errorf("GetCallerIdentity says %s", who.Body)
	}
	if role := f.as(t, key, "", "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t); role.Element("Arn") != "arn:aws:iam::111122223333:role/R" {
		t.Errorf("the role is %s", role.Body)
	}
	// Its secret is shown this once.
	if log := f.Log.String(); strings.Contains(log, key.Secret) {
		t.Error("the secret is in the log")
	}
}

func TestCreateAccountRefuses(t *testing.T) {
	f := start(t)
	validation := func(text string) refusal { return refusal{400, "ValidationException", text} }
	for _, row := range []struct {
		name string
		key  wire.Key
		id   any
		want refusal
	}{
		{"taken", f.Root, other, refusal{409, "EntityAlreadyExists", "Account 999999999999 already exists."}},
		{"the first account", f.Root, pooltest.Account, refusal{409, "EntityAlreadyExists", "Account 123456789012 already exists."}},
		{"by another account's root", f.other, "111122223333", refusal{403, "AccessDenied", "User: arn:aws:iam::999999999999:root is not authorized to perform: idpool:CreateAccount on resource: arn:aws:iam::111122223333:root because only the root of the first account may"}},
		{"11 digits", f.Root, "11112222333", validation("1 validation error detected: Value '11112222333' at 'accountId' failed to satisfy constraint: Member must have length greater than or equal to 12")},
		{"letters", f.Root, "11112222333x", validation("1 validation error detected: Value '11112222333x' at 'accountId' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9]+")},
		{"none", f.Root, nil, validation("1 validation error detected: Value null at 'accountId' failed to satisfy constraint: Member must not be null")},
		{"a number", f.Root, 111122223333, refusal{400, "SerializationException", "NUMBER_VALUE can not be converted to a String"}},
	} {
		t.Run(row.name, func(t *testing.T) { row.want.check(t, f.create(t, row.key, "", pooltest.Object{"AccountId": row.id})) })
	}
}

// The root of the first account made it, and nobody else; temporary credentials of that account neither.
func TestCreateAccountBySession(t *testing.T) {
	f := start(t)
	pool := f.Pool(t, pooltest.NewProvider(t))
	guest := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)["IdentityId"]
	given := f.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": guest}).Must(t).Object(t)["Credentials"].(pooltest.Object)
	key := wire.Key{Secret: given["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: given["AccessKeyId"].(string)}}
	if r := f.create(t, key, given["SessionToken"].(string), pooltest.Object{"AccountId": "111122223333"}); r.Status != http.StatusForbidden || r.Code() != "AccessDenied" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
