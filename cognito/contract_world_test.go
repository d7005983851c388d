package cognito_test

import (
	"fmt"
	"testing"

	"idpool/pooltest"
)

// world is what the operations of the contract are called on.
type world struct {
	*front
	t    *testing.T // of the operation at hand
	made int        // how many users were given a name
}

const developerName = "login.example"

func newWorld(t *testing.T) *world {
	w := &world{front: start(t), t: t}
	w.update(t, w.pool, pooltest.Object{
		"DeveloperProviderName": developerName, "OpenIdConnectProviderARNs": []string{w.idp.ARN(pooltest.Account)},
	})
	for _, user := range examples[""].good { // who are known wherever one is named
		w.Signed(t, "GetOpenIdTokenForDeveloperIdentity", w.vouch(user)).Must(t)
	}
	return w
}

// settings are all that a pool can be told.
func (w *world) settings() pooltest.Object {
	return pooltest.Object{
		"IdentityPoolName": "full", "AllowUnauthenticatedIdentities": true, "AllowClassicFlow": true,
		"SupportedLoginProviders":   pooltest.Object{"graph.facebook.com": "123"},
		"DeveloperProviderName":     developerName,
		"OpenIdConnectProviderARNs": []string{w.idp.ARN(pooltest.Account)},
		"CognitoIdentityProviders": []pooltest.Object{{
			"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab1", "ClientId": "client", "ServerSideTokenCheck": false,
		}},
		"SamlProviderARNs": []string{"arn:aws:iam::" + pooltest.Account + ":saml-provider/corp"},
		"IdentityPoolTags": pooltest.Object{"team": "red"},
	}
}

// newPool makes a pool with all settings.
func (w *world) newPool() string { return w.create(w.t, w.settings()) }

func (w *world) poolARN() string {
	return "arn:aws:cognito-identity:" + pooltest.Region + ":" + pooltest.Account + ":identitypool/" + w.newPool()
}

func (w *world) newUser() string {
	w.made++
	return fmt.Sprintf("user %d", w.made)
}

// person is a new identity with a login.
func (w *world) person() (id string, logins pooltest.Object) {
	logins = w.logins(w.newUser())
	return w.getID(w.t, logins), logins
}

// developers makes users of the developer, each with an identity of its own.
func (w *world) developers(n int) (users, ids []string) {
	for range n {
		user := w.newUser()
		reply := w.Signed(w.t, "GetOpenIdTokenForDeveloperIdentity", w.vouch(user)).Must(w.t)
		users, ids = append(users, user), append(ids, reply.Object(w.t)["IdentityId"].(string))
	}
	return users, ids
}

func (w *world) vouch(user string) pooltest.Object {
	return pooltest.Object{"IdentityPoolId": w.pool, "Logins": pooltest.Object{developerName: user}}
}

// merge is the input that lets the second of two new users take in the first.
func (w *world) merge() (in pooltest.Object, id string) {
	users, ids := w.developers(2)
	return pooltest.Object{
		"SourceUserIdentifier": users[0], "DestinationUserIdentifier": users[1],
		"DeveloperProviderName": developerName, "IdentityPoolId": w.pool,
	}, ids[1]
}

// mapped is the input that sets all that a pool's roles can be told.
func (w *world) mapped() pooltest.Object {
	rule := pooltest.Object{"Claim": "sub", "MatchType": "Equals", "Value": "a", "RoleARN": roleARN("Auth")}
	return pooltest.Object{
		"IdentityPoolId": w.newPool(),
		"Roles":          pooltest.Object{"authenticated": roleARN("Auth"), "unauthenticated": roleARN("Guest")},
		"RoleMappings": pooltest.Object{w.idp.ARN(pooltest.Account): pooltest.Object{
			"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{"Rules": []any{rule}},
		}},
	}
}

// tagged is the input that maps a provider's claims.
func (w *world) tagged() pooltest.Object {
	return pooltest.Object{
		"IdentityPoolId": w.newPool(), "IdentityProviderName": w.idp.ARN(pooltest.Account),
		"UseDefaults": false, "PrincipalTags": pooltest.Object{"user": "sub"},
	}
}

// contractCalls make the input of a call of each operation that succeeds, and that answers all that the operation can answer.
var contractCalls = map[string]func(*world) pooltest.Object{
	"CreateIdentityPool": (*world).settings,
	"DeleteIdentities": func(w *world) pooltest.Object {
		return pooltest.Object{"IdentityIdsToDelete": []string{w.getID(w.t, nil), "us-east-1:00000000-0000-4000-8000-000000000000"}}
	},
	"DeleteIdentityPool": func(w *world) pooltest.Object { return pooltest.Object{"IdentityPoolId": w.newPool()} },
	"DescribeIdentity": func(w *world) pooltest.Object {
		id, _ := w.person()
		return pooltest.Object{"IdentityId": id}
	},
	"DescribeIdentityPool": func(w *world) pooltest.Object { return pooltest.Object{"IdentityPoolId": w.newPool()} },
	"GetCredentialsForIdentity": func(w *world) pooltest.Object {
		id, logins := w.person()
		return pooltest.Object{"IdentityId": id, "Logins": logins}
	},
	"GetId": func(w *world) pooltest.Object {
		return pooltest.Object{"IdentityPoolId": w.pool, "Logins": w.logins(w.newUser())}
	},
	"GetIdentityPoolRoles": func(w *world) pooltest.Object {
		in := w.mapped()
		w.Signed(w.t, "SetIdentityPoolRoles", in).Must(w.t)
		return pooltest.Object{"IdentityPoolId": in["IdentityPoolId"]}
	},
	"GetOpenIdToken": func(w *world) pooltest.Object {
		id, logins := w.person()
		return pooltest.Object{"IdentityId": id, "Logins": logins}
	},
	"GetOpenIdTokenForDeveloperIdentity": func(w *world) pooltest.Object { return w.vouch(w.newUser()) },
	"GetPrincipalTagAttributeMap": func(w *world) pooltest.Object {
		in := w.tagged()
		w.Signed(w.t, "SetPrincipalTagAttributeMap", in).Must(w.t)
		return pooltest.Object{"IdentityPoolId": in["IdentityPoolId"], "IdentityProviderName": in["IdentityProviderName"]}
	},
	"ListIdentities": func(w *world) pooltest.Object {
		// A page of all but one: it has a person on it, whatever guests there are, and another page comes after it.
		for range 2 {
			w.person()
		}
		all := w.Signed(w.t, "ListIdentities", pooltest.Object{"IdentityPoolId": w.pool, "MaxResults": 60}).Must(w.t).Object(w.t)
		return pooltest.Object{"IdentityPoolId": w.pool, "MaxResults": len(all["Identities"].([]any)) - 1}
	},
	"ListIdentityPools": func(w *world) pooltest.Object {
		w.newPool()
		return pooltest.Object{"MaxResults": 1}
	},
	"ListTagsForResource": func(w *world) pooltest.Object { return pooltest.Object{"ResourceArn": w.poolARN()} },
	"LookupDeveloperIdentity": func(w *world) pooltest.Object {
		in, id := w.merge()
		w.Signed(w.t, "MergeDeveloperIdentities", in).Must(w.t)
		return pooltest.Object{"IdentityPoolId": w.pool, "IdentityId": id, "MaxResults": 1}
	},
	"MergeDeveloperIdentities": func(w *world) pooltest.Object {
		in, _ := w.merge()
		return in
	},
	"SetIdentityPoolRoles":        (*world).mapped,
	"SetPrincipalTagAttributeMap": (*world).tagged,
	"TagResource": func(w *world) pooltest.Object {
		return pooltest.Object{"ResourceArn": w.poolARN(), "Tags": pooltest.Object{"team": "blue"}}
	},
	"UnlinkDeveloperIdentity": func(w *world) pooltest.Object {
		users, ids := w.developers(1)
		return pooltest.Object{
			"IdentityId": ids[0], "IdentityPoolId": w.pool,
			"DeveloperProviderName": developerName, "DeveloperUserIdentifier": users[0],
		}
	},
	"UnlinkIdentity": func(w *world) pooltest.Object {
		id, logins := w.person()
		return pooltest.Object{"IdentityId": id, "Logins": logins, "LoginsToRemove": []string{w.idp.Name()}}
	},
	"UntagResource": func(w *world) pooltest.Object {
		return pooltest.Object{"ResourceArn": w.poolARN(), "TagKeys": []string{"team"}}
	},
	"UpdateIdentityPool": func(w *world) pooltest.Object { return with(w.settings(), "IdentityPoolId", w.newPool()) },
}
