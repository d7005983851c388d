package iam_test

import (
	"slices"
	"strings"
	"testing"

	"idpool/iam"
	"idpool/pooltest"
	"idpool/sts"
	"idpool/wire"
)

// resourceOf is the ARN that policies for an operation of calls() go by, where R, U, M and Corp have this path.
func resourceOf(operation, path string) string {
	arn := func(kind, name string) string { return "arn:aws:iam::" + pooltest.Account + ":" + kind + path + name }
	lists := map[string]string{
		"ListOpenIDConnectProviders": providerARN("*"), "ListSAMLProviders": samlARN("*"), "ListUsers": userARN("/"),
		"ListRoles": "arn:aws:iam::" + pooltest.Account + ":role/", "ListPolicies": policyARN("*"),
	}
	switch list := lists[operation]; {
	case list != "":
		return list
	case strings.Contains(operation, "SAMLProvider"):
		return samlARN("Corp")
	case strings.Contains(operation, "OpenIDConnectProvider"):
		return providerARN("idp.example")
	case slices.Contains(calls()[operation], "UserName"):
		return arn("user", "U")
	case slices.Contains(calls()[operation], "RoleName"):
		return arn("role", "R")
	}
	return arn("policy", "M")
}

// notAllowed is the refusal of a caller whom no policy allows an action; because is how the text ends.
func notAllowed(caller, action, resource, because string) refusal {
	return refusal{403, "AccessDenied", "User: " + caller + " is not authorized to perform: " + action + " on resource: " + resource + " " + because}
}

func noneAllows(action string) string {
	return "because no identity-based policy allows the " + action + " action"
}

// someone is a caller by his ARN.
type someone struct {
	arn     string
	key     wire.Key
	session string
}

// nobodies are callers who may nothing: a user, a guest and a guest by the classic flow, whose roles have no policies.
func (f *fixture) nobodies(t *testing.T) []someone {
	t.Helper()
	pool := f.Pool(t, pooltest.NewProvider(t))
	guest := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)["IdentityId"].(string)
	given := f.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": guest}).Must(t).Object(t)["Credentials"].(pooltest.Object)
	classic := someone{arn: "arn:aws:sts::" + pooltest.Account + ":assumed-role/Guest/web"}
	classic.key, classic.session = f.Assume(t, "arn:aws:iam::"+pooltest.Account+":role/Guest", guest, nil)
	return []someone{
		{userARN("/Nobody"), f.User(t, "Nobody"), ""},
		classic,
		{
			"arn:aws:sts::" + pooltest.Account + ":assumed-role/Guest/CognitoIdentityCredentials",
			wire.Key{Secret: given["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: given["AccessKeyId"].(string)}},
			given["SessionToken"].(string),
		},
	}
}

// Who may nothing is refused every operation by its name, in a form or a URL, whether what it is about is there or not; and
// may ask who he is. Nothing of all this is stored. A new operation has its place here, or the test fails.
func TestWhoMayNothing(t *testing.T) {
	f := start(t)
	nobodies := f.nobodies(t)
	for _, there := range []string{"not there", "there"} {
		if there == "there" {
			f.furnish(t)
		}
		before := f.Stored(t)
		for _, who := range nobodies {
			for _, op := range (&iam.Service{}).API().Operations {
				params, ok := calls()[op.Name]
				if !ok {
					t.Fatalf("the test knows no good call of %s", op.Name)
				}
				want := notAllowed(who.arn, "iam:"+op.Name, resourceOf(op.Name, "/"), noneAllows("iam:"+op.Name))
				t.Run(there+"/"+who.arn+"/"+op.Name, func(t *testing.T) {
					want.check(t, f.as(t, who.key, who.session, op.Name, params...))
					want.check(t, f.PresignedQuery(t, who.key, who.session, "iam", "2010-05-08", op.Name, params...))
				})
			}
			for _, op := range (&iam.Service{}).AdminAPI().Operations {
				in, ok := adminCalls()[op.Name]
				if !ok {
					t.Fatalf("the test knows no good call of %s", op.Name)
				}
				r, body := f.JSON(t, "IdpoolAdmin."+op.Name, in)
				for _, got := range []*pooltest.Reply{
					f.Send(t, r, body, who.key, who.session, "idpool"),
					f.PresignedJSON(t, who.key, who.session, "idpool", "IdpoolAdmin."+op.Name, in),
				} {
					if got.Status != 403 || got.Code() != "AccessDenied" || !strings.Contains(got.Message(), who.arn+" is not authorized to perform: idpool:"+op.Name) {
						t.Errorf("%s: %d %s", op.Name, got.Status, got.Body)
					}
				}
			}
		}
		if after := f.Stored(t); after != before {
			t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
		}
	}
	role := "arn:aws:iam::" + pooltest.Account + ":role/R"
	byPolicy := map[string]struct{ params, says []string }{ // of the trust policy nothing is said
		"AssumeRole":       {[]string{"RoleArn", role, "RoleSessionName", "work"}, []string{role}},
		"GetAccessKeyInfo": {[]string{"AccessKeyId", f.Root.Caller.AccessKeyID}, []string{"*", noneAllows("sts:GetAccessKeyInfo")}},
	}
	open := []string{"GetCallerIdentity", "GetSessionToken"} // which no policy can deny
	for _, op := range (&sts.Service{}).API().Operations {
		call, known := byPolicy[op.Name]
		if op.Signed && !known && !slices.Contains(open, op.Name) {
			t.Errorf("%s is signed, and this test does not know whom it refuses", op.Name)
		}
		for _, who := range nobodies {
			if known {
				refusal{403, "AccessDenied", "User: " + who.arn + " is not authorized to perform: sts:" + op.Name + " on resource: " + strings.Join(call.says, " ")}.
					check(t, f.STS(t, who.key, who.session, op.Name, call.params...))
			}
		}
	}
	for _, who := range nobodies {
		if got := f.STS(t, who.key, who.session, "GetCallerIdentity").Must(t).Element("Arn"); got != who.arn {
			t.Errorf("%s is told to be %s", who.arn, got)
		}
	}
}

// adminCalls are a good call of every operation of idpool's own.
func adminCalls() map[string]pooltest.Object {
	return map[string]pooltest.Object{"CreateAccount": {"AccountId": "111111111111"}}
}

// furnish makes what calls() speak of, and returns the id of a key of U.
func (f *fixture) furnish(t *testing.T, path ...string) (key string) {
	t.Helper()
	for _, op := range []string{
		"CreateOpenIDConnectProvider", "CreateSAMLProvider", "CreateRole", "CreateUser", "CreatePolicy", "PutRolePolicy",
		"PutUserPolicy",
	} {
		params := calls()[op]
		if len(path) > 0 && (op == "CreateRole" || op == "CreateUser" || op == "CreatePolicy") {
			params = append(slices.Clone(params), "Path", path[0])
		}
		f.IAM(t, op, params...).Must(t)
	}
	f.newPolicy(t, "B")
	return f.newKey(t, "U").Caller.AccessKeyID
}

// A user whose one policy allows one action on one resource, with its path, may do that there, and nothing else.
func TestOneOperationOnOneResource(t *testing.T) {
	f := start(t)
	const path = "/a/b/"
	f.furnish(t, path)
	caller := userARN("/caller")
	key := f.User(t, "caller")
	put := func(name, effect, action, resource string) {
		f.IAM(t, "PutUserPolicy", "UserName", "caller", "PolicyName", name, "PolicyDocument",
			`{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`","Action":"`+action+`","Resource":"`+resource+`"}]}`).Must(t)
	}
	for _, op := range (&iam.Service{}).API().Operations {
		t.Run(op.Name, func(t *testing.T) {
			params, action := calls()[op.Name], "iam:"+op.Name
			resource := resourceOf(op.Name, path)
			if slices.Contains([]string{"CreateRole", "CreateUser", "CreatePolicy"}, op.Name) {
				params = append(slices.Clone(params), "Path", path)
			}
			if i := slices.Index(params, "PolicyArn"); i >= 0 && params[i+1] == policyARN("M") {
				params = slices.Clone(params)
				params[i+1] = policyARN("a/b/M")
			}
			call := func() *pooltest.Reply { return f.as(t, key, "", op.Name, params...) }
			nothing := notAllowed(caller, action, resource, noneAllows(action))

			f.IAM(t, "DeleteUserPolicy", "UserName", "caller", "PolicyName", "Deny")
			put("P", "Allow", action, resource+"x")
			nothing.check(t, call())
			put("P", "Allow", action+"x", resource)
			nothing.check(t, call())
			put("P", "Allow", action, resource)
			put("Deny", "Deny", action, resource)
			notAllowed(caller, action, resource, "with an explicit deny in an identity-based policy").check(t, call())

			if strings.HasPrefix(op.Name, "Delete") || strings.HasPrefix(op.Name, "Update") && op.Name != "UpdateAccessKey" {
				return // what they do would be in the way of the others; that Allow lets them be called is shown below
			}
			f.IAM(t, "DeleteUserPolicy", "UserName", "caller", "PolicyName", "Deny").Must(t)
			if r := call(); r.Code() == "AccessDenied" {
				t.Errorf("allowed: %s", r.Body)
			}
		})
	}
	put("P", "Allow", "iam:DeleteUserPolicy", userARN("/a/b/U"))
	f.IAM(t, "DeleteUserPolicy", "UserName", "caller", "PolicyName", "Deny")
	f.as(t, key, "", "DeleteUserPolicy", calls()["DeleteUserPolicy"]...).Must(t)
	f.IAM(t, "TagUser", "UserName", "U", "Tags.member.1.Key", "team", "Tags.member.1.Value", "ops").Must(t)
	f.IAM(t, "PutUserPolicy", "UserName", "caller", "PolicyName", "P", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:UpdateUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"ops"}}}]}`).Must(t)
	f.as(t, key, "", "UpdateUser", "UserName", "U", "NewPath", "/a/c/").Must(t)
	f.as(t, key, "", "UpdateUser", "UserName", "U", "NewPath", "/a/b/").Must(t)
	put("P", "Allow", "iam:UpdateUser", userARN("/a/b/U"))
	notAllowed(caller, "iam:UpdateUser", userARN("/new/U"), noneAllows("iam:UpdateUser")).check(t, f.as(t, key, "", "UpdateUser", calls()["UpdateUser"]...))
}
