package cognito_test

import (
	"maps"
	"strings"
	"testing"

	"idpool/cognito"
	"idpool/pooltest"
)

// resources are those of the operations that policies allow on no pool but on "*", as the original's texts have been seen to
// name them (service authorization reference, "cognito-identity"). All others have the pool's ARN.
func resources() map[string]string {
	return map[string]string{
		"CreateIdentityPool": "*", "DeleteIdentities": "*", "DescribeIdentity": "*", "SetIdentityPoolRoles": "*",
		"SetPrincipalTagAttributeMap": "*", "ListIdentityPools": "",
	}
}

// resourceOf is the ARN that policies for an operation go by.
func resourceOf(operation, pool string) string {
	if r, ok := resources()[operation]; ok {
		pool = r
	}
	return "arn:aws:cognito-identity:us-east-1:" + pooltest.Account + ":identitypool/" + pool
}

// notAllowed is the refusal of a caller whom no policy allows an operation; because is how the text ends.
func notAllowed(caller, operation, resource, because string) refusal {
	return refusal{"AccessDeniedException", "User: " + caller + " is not authorized to perform: cognito-identity:" + operation + " on resource: " + resource + " " + because}
}

func noPolicyAllows(operation string) string {
	return "because no identity-based policy allows the cognito-identity:" + operation + " action"
}

// userARN is the ARN of a user without a path.
func userARN(name string) string { return "arn:aws:iam::" + pooltest.Account + ":user/" + name }

// Who may nothing is refused every signed operation by its name, whichever way the call comes in; but may ask who he is.
// Nothing of all this is stored.
func TestWhoMayNothing(t *testing.T) {
	f := start(t)
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}, "DeveloperProviderName": "login.example"})
	alice, guest := f.getID(t, f.logins("alice")), f.getID(t, nil)
	classic := func(role, id string, logins pooltest.Object) (s session) {
		s.key, s.token = f.Assume(t, roleARN(role), id, logins)
		return s
	}
	callers := map[string]session{
		userARN("Nobody"): {key: f.User(t, "Nobody")},
		"arn:aws:sts::" + pooltest.Account + ":assumed-role/Guest/web":                        classic("Guest", guest, nil),
		"arn:aws:sts::" + pooltest.Account + ":assumed-role/Auth/web":                         classic("Auth", alice, f.logins("alice")),
		"arn:aws:sts::" + pooltest.Account + ":assumed-role/Guest/CognitoIdentityCredentials": credentials(t, f.as(t, "GetCredentialsForIdentity", guest, nil)),
		"arn:aws:sts::" + pooltest.Account + ":assumed-role/Auth/CognitoIdentityCredentials":  credentials(t, f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice"))),
	}
	// What a URL has no room for is missing there, and found missing before anybody is asked what the caller may.
	missing := map[string]string{
		"DeleteIdentities": "identityIdsToDelete", "GetOpenIdTokenForDeveloperIdentity": "logins", "SetIdentityPoolRoles": "roles",
		"TagResource": "tags", "UntagResource": "tagKeys",
	}
	before := f.Stored(t)
	for arn, s := range callers {
		for _, op := range signedOperations(t) {
			in := signedCalls(f.pool, alice)[op]
			want := notAllowed(arn, op, resourceOf(op, f.pool), noPolicyAllows(op))
			t.Run(arn+"/"+op, func(t *testing.T) { want.check(t, f.signedBy(t, s, pooltest.Region, op, in)) })
			if member := missing[op]; member != "" {
				want = refusal{"ValidationException", "1 validation error detected: Value null at '" + member + "' failed to satisfy constraint: Member must not be null"}
			}
			t.Run(arn+"/"+op+"/presigned", func(t *testing.T) {
				want.check(t, f.PresignedJSON(t, s.key, s.token, "cognito-identity", "AWSCognitoIdentityService."+op, in))
			})
		}
		if got := f.STS(t, s.key, s.token, "GetCallerIdentity").Must(t).Element("Arn"); got != arn {
			t.Errorf("%s is told to be %s", arn, got)
		}
		got := f.PresignedQuery(t, s.key, s.token, "sts", "2011-06-15", "GetCallerIdentity").Must(t)
		if got.Element("Arn") != arn {
			t.Errorf("%s is told to be %s", arn, got.Body)
		}
	}
	if after := f.Stored(t); after != before || !strings.Contains(before, "login.example") {
		t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
	}
}

// The operations of idpool's own are refused in the same way, whatever they are asked about and whether it is there or not.
func TestWhoMayNothingAsksIdpool(t *testing.T) {
	f := start(t)
	guest := f.getID(t, nil)
	const nobody = "us-east-1:00000000-0000-4000-8000-000000000000"
	access := pooltest.Object{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/k"}
	about := func(what pooltest.Object, more pooltest.Object) pooltest.Object {
		in := maps.Clone(what)
		maps.Copy(in, more)
		return in
	}
	calls := map[string][]pooltest.Object{
		"ExplainAccess": {
			about(access, pooltest.Object{"RoleName": "Guest"}), about(access, pooltest.Object{"RoleName": "none"}),
			about(access, pooltest.Object{"UserName": "Nobody"}), about(access, pooltest.Object{"UserName": "none"}),
			about(access, pooltest.Object{"IdentityId": guest}), about(access, pooltest.Object{"IdentityId": nobody}), access,
		},
		"ExplainCredentials": {{"IdentityId": guest}, {"IdentityId": nobody}},
		"RevokeSessions": {
			{"RoleName": "Guest"},
			{"RoleName": "none"},
			{"IdentityId": guest},
			{"IdentityId": nobody},
			{"IdentityPoolId": f.pool},
			{"IdentityPoolId": nobody},
			{},
		},
	}
	callers := map[string]session{
		userARN("Nobody"): {key: f.User(t, "Nobody")},
		"arn:aws:sts::" + pooltest.Account + ":assumed-role/Guest/CognitoIdentityCredentials": credentials(t, f.as(t, "GetCredentialsForIdentity", guest, nil)),
	}
	before := f.Stored(t)
	for arn, s := range callers {
		for _, op := range (&cognito.Service{}).AdminAPI().Operations {
			if len(calls[op.Name]) == 0 {
				t.Fatalf("the test knows no good call of %s", op.Name)
			}
			for _, in := range calls[op.Name] {
				r, body := f.JSON(t, "IdpoolAdmin."+op.Name, in)
				for door, got := range map[string]*pooltest.Reply{
					"header": f.Send(t, r, body, s.key, s.token, "idpool"),
					"URL":    f.PresignedJSON(t, s.key, s.token, "idpool", "IdpoolAdmin."+op.Name, in),
				} {
					if !strings.HasPrefix(got.Code(), "AccessDenied") || !strings.HasPrefix(got.Message(), "User: "+arn+" is not authorized to perform: idpool:"+op.Name+" on resource: ") {
						t.Errorf("%s of %v by %s, signed in the %s: %d %s", op.Name, in, arn, door, got.Status, got.Body)
					}
				}
			}
		}
	}
	if after := f.Stored(t); after != before {
		t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
	}
}

// A user whose one policy allows one operation on one pool may do that, and nothing else: not on another pool, and no other
// operation. Where the reference knows no resource but "*", the pool's ARN allows nothing.
func TestOneOperationOnOnePool(t *testing.T) {
	f := start(t)
	id := f.getID(t, f.logins("alice"))
	another := f.create(t, nil)
	statement := func(effect, op, resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"cognito-identity:` + op + `","Resource":"` + resource + `"}]}`
	}
	key := session{key: f.User(t, "U")}
	put := func(policies ...string) {
		for i, p := range policies {
			f.IAM(t, "PutUserPolicy", "UserName", "U", "PolicyName", "P"+string(rune('0'+i)), "PolicyDocument", p).Must(t)
		}
	}
	call := func(op, pool string) *pooltest.Reply {
		return f.signedBy(t, key, pooltest.Region, op, signedCalls(pool, id)[op])
	}
	operations := signedOperations(t)
	for i, op := range operations {
		t.Run(op, func(t *testing.T) {
			resource := resourceOf(op, f.pool)
			_, onAll := resources()[op]
			right := resource
			if onAll {
				right = "*"
			}
			nothing := notAllowed(userARN("U"), op, resource, noPolicyAllows(op))
			denied := notAllowed(userARN("U"), op, resource, "with an explicit deny in an identity-based policy")
			put(statement("Allow", op, right), statement("Allow", "Other", "*"))
			// What does not fit the pool is an error of the operation then, no longer of the caller.
			if r := call(op, f.pool); r.Code() == "AccessDeniedException" {
				t.Errorf("allowed: %s", r.Body)
			}
			if next := operations[(i+1)%len(operations)]; next != op {
				notAllowed(userARN("U"), next, resourceOf(next, f.pool), noPolicyAllows(next)).check(t, call(next, f.pool))
			}
			if !onAll {
				notAllowed(userARN("U"), op, resourceOf(op, another), noPolicyAllows(op)).check(t, call(op, another))
			}
			put(statement("Allow", op, "arn:aws:cognito-identity:us-east-1:"+pooltest.Account+":identitypool/"+another))
			nothing.check(t, call(op, f.pool))
			put(statement("Allow", op, "*"), statement("Deny", op, right))
			denied.check(t, call(op, f.pool))
		})
		if op == "DeleteIdentityPool" { // which has succeeded
			f.pool = f.create(t, pooltest.Object{"AllowUnauthenticatedIdentities": true, "OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}})
			id = f.getID(t, f.logins("alice"))
		}
	}
}

// A backend's user may get tokens for the users of one pool, and do nothing else, there or anywhere.
func TestBackendUser(t *testing.T) {
	f := start(t)
	developer := pooltest.Object{"DeveloperProviderName": "login.example"}
	f.pool = f.create(t, developer)
	another := f.create(t, developer)
	backend := session{key: f.User(t, "backend", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:GetOpenIdTokenForDeveloperIdentity","Resource":"`+resourceOf("", f.pool)+`"}]}`)}
	token := func(pool, user string) *pooltest.Reply {
		return f.signedBy(t, backend, pooltest.Region, "GetOpenIdTokenForDeveloperIdentity",
			pooltest.Object{"IdentityPoolId": pool, "Logins": pooltest.Object{"login.example": user}})
	}
	given := token(f.pool, "ann").Must(t).Object(t)
	if c := claims(t, given["Token"].(string)); c["sub"] != given["IdentityId"] || c["aud"] != f.pool {
		t.Errorf("the token says %v", c)
	}
	before := f.Stored(t)
	for _, op := range signedOperations(t) {
		if op != "GetOpenIdTokenForDeveloperIdentity" {
			notAllowed(userARN("backend"), op, resourceOf(op, f.pool), noPolicyAllows(op)).
				check(t, f.signedBy(t, backend, pooltest.Region, op, signedCalls(f.pool, given["IdentityId"].(string))[op]))
		}
	}
	const op = "GetOpenIdTokenForDeveloperIdentity"
	notAllowed(userARN("backend"), op, resourceOf(op, another), noPolicyAllows(op)).check(t, token(another, "ann"))
	elsewhere := f.signedBy(t, backend, "eu-west-1", op, signedCalls(f.pool, "")[op])
	if elsewhere.Code() != "ValidationException" && elsewhere.Code() != "AccessDeniedException" {
		t.Errorf("in another region: %s", elsewhere.Body)
	}
	r, body := f.Query(t, "2010-05-08", "CreateAccessKey", "UserName", "backend")
	if got := f.Send(t, r, body, backend.key, "", "iam"); got.Code() != "AccessDenied" {
		t.Errorf("CreateAccessKey: %s", got.Body)
	}
	if after := f.Stored(t); after != before {
		t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
	}
}
