package policy_test

import (
	"fmt"

	"idpool/policy"
)

// option adds policies to a row of may.
type option func(*policies)

func identity(statements ...string) option {
	return func(p *policies) { p.identity = append(p.identity, doc(statements...)) }
}

func sessionOf(statements ...string) option {
	return func(p *policies) { p.session = append(p.session, doc(statements...)) }
}

func boundary(statements ...string) option {
	return func(p *policies) { p.boundary = doc(statements...) }
}

func resource(statements ...string) option {
	return func(p *policies) { p.resource = doc(statements...) }
}

func trustOf(statements ...string) option { return func(p *policies) { p.trust = doc(statements...) } }
func crossAccount(p *policies)            { p.cross = true }

// may asks for an action on one object, and says which kind of policy decides, or is missing.
func may(who policy.Principal, action string, want policy.Effect, kind policy.Kind, options ...option) decision {
	d := decision{
		request: policy.Request{Principal: who, Action: action, Resource: "arn:aws:s3:::b/k"},
		want:    want, kind: kind,
	}
	for _, add := range options {
		add(&d.policies)
	}
	return d
}

// allows and denies are statements of identity policies, grants and forbids of resource policies, trusts of trust policies.
func allows(action string) string {
	return fmt.Sprintf(`{"Effect": "Allow", "Action": %q, "Resource": "*"}`, action)
}

func denies(action string) string {
	return fmt.Sprintf(`{"Effect": "Deny", "Action": %q, "Resource": "*"}`, action)
}

func grants(principal, action string) string {
	return fmt.Sprintf(`{"Effect": "Allow", "Principal": %s, "Action": %q, "Resource": "arn:aws:s3:::b/*"}`, principal, action)
}

func forbids(principal, action string) string {
	return fmt.Sprintf(`{"Effect": "Deny", %s, "Action": %q, "Resource": "arn:aws:s3:::b/*"}`, principal, action)
}

func trusts(principal string) string {
	return fmt.Sprintf(`{"Effect": "Allow", "Principal": %s, "Action": "sts:*"}`, principal)
}

const (
	get, put, del = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
	assume        = "sts:AssumeRole"
	web           = "sts:AssumeRoleWithWebIdentity"
	tagSession    = "sts:TagSession"

	toUser    = `{"AWS": "` + alice + `"}`
	toRole    = `{"AWS": "` + role + `"}`
	toSession = `{"AWS": "` + session + `"}`
	toAccount = `{"AWS": "` + account + `"}`
	toRoot    = `{"AWS": "` + root + `"}`
	toOther   = `{"AWS": "999999999999"}`
	toBob     = `{"AWS": "` + bob + `"}`
	toAll     = `"*"`
	toLogin   = `{"Federated": "` + cognito + `"}`
	toLambda  = `{"Service": "lambda.amazonaws.com"}`
)

// logic: "Policy evaluation logic" and what belongs to it.
var logic = []section{
	{"Policy evaluation logic: identity-based policies", []decision{
		may(user, get, none, policy.Identity),
		may(user, get, allow, policy.Identity, identity(allows("s3:*"))),
		may(user, get, none, policy.Identity, identity(allows("iam:*"))),
		may(user, get, allow, policy.Identity, identity(allows("iam:*")), identity(allows("s3:*"))),
		may(user, get, allow, policy.Identity, identity(allows("iam:*"), allows("s3:*"))),
		may(user, get, deny, policy.Identity, identity(allows("s3:*")), identity(denies("s3:Get*"))),
		may(user, get, deny, policy.Identity, identity(denies("s3:Get*")), identity(allows("s3:*"))),
		may(user, get, deny, policy.Identity, identity(denies("s3:Get*"))),
		may(user, put, allow, policy.Identity, identity(allows("s3:*")), identity(denies("s3:Get*"))),
		may(assumed, get, allow, policy.Identity, identity(allows("s3:*"))),
		may(assumed, put, none, policy.Identity, identity(allows("s3:Get*"))),
	}},
	{"Permissions boundaries for IAM entities: effective permissions", []decision{
		may(user, get, allow, policy.Identity, identity(allows("s3:*")), boundary(allows("s3:Get*"))),
		may(user, put, none, policy.Boundary, identity(allows("s3:*")), boundary(allows("s3:Get*"))),
		may(user, get, none, policy.Identity, boundary(allows("s3:*"))),
		may(user, put, none, policy.Identity, identity(allows("s3:Get*")), boundary(allows("s3:*"))),
		may(user, get, deny, policy.Boundary, identity(allows("s3:*")), boundary(allows("s3:*"), denies("s3:Get*"))),
		may(user, get, deny, policy.Identity, identity(denies("s3:*")), boundary(allows("s3:*"))),
		may(user, get, deny, policy.Identity, identity(denies("s3:*")), boundary(denies("s3:*"))),
		may(assumed, put, none, policy.Boundary, identity(allows("s3:*")), boundary(allows("s3:Get*"))),
		may(assumed, get, allow, policy.Identity, identity(allows("s3:*")), boundary(allows("s3:Get*"))),
	}},
	{"Permissions boundaries for IAM entities: resource-based policies", []decision{
		// "Limited by an implicit deny" for a role, "not limited" for a user and for a session by its own name.
		may(user, get, allow, policy.Resource, boundary(allows("iam:*")), resource(grants(toUser, get))),
		may(user, get, allow, policy.Resource, identity(allows("iam:*")), boundary(allows("iam:*")), resource(grants(toUser, get))),
		may(assumed, get, none, policy.Boundary, boundary(allows("iam:*")), resource(grants(toRole, get))),
		may(assumed, get, allow, policy.Resource, boundary(allows("s3:*")), resource(grants(toRole, get))),
		may(assumed, get, allow, policy.Resource, boundary(allows("iam:*")), resource(grants(toSession, get))),
		may(assumed, get, deny, policy.Boundary, boundary(denies("s3:*")), resource(grants(toSession, get))),
		may(user, get, deny, policy.Boundary, boundary(denies("s3:*")), resource(grants(toUser, get))),
		may(user, get, none, policy.Boundary, identity(allows("s3:*")), boundary(allows("iam:*")), resource(grants(toAccount, get))),
		may(user, get, none, policy.Boundary, boundary(allows("iam:*")), resource(grants(toAll, get))), // choice
	}},
	{"Session policies", []decision{
		may(assumed, get, allow, policy.Identity, identity(allows("s3:*")), sessionOf(allows("s3:Get*"))),
		may(assumed, put, none, policy.Session, identity(allows("s3:*")), sessionOf(allows("s3:Get*"))),
		may(assumed, get, none, policy.Identity, sessionOf(allows("s3:*"))),
		may(assumed, put, none, policy.Identity, identity(allows("s3:Get*")), sessionOf(allows("s3:*"))),
		may(assumed, get, deny, policy.Session, identity(allows("s3:*")), sessionOf(allows("s3:*"), denies("s3:Get*"))),
		may(assumed, get, deny, policy.Identity, identity(denies("s3:*")), sessionOf(allows("s3:*"))),
		// Inline and by ARN: their union, intersected with the role.
		may(assumed, get, allow, policy.Identity, identity(allows("s3:*")), sessionOf(allows("iam:*")), sessionOf(allows("s3:Get*"))),
		may(assumed, get, allow, policy.Identity, identity(allows("s3:*")), sessionOf(allows("s3:Get*")), sessionOf(allows("iam:*"))),
		may(assumed, put, none, policy.Session, identity(allows("s3:*")), sessionOf(allows("iam:*")), sessionOf(allows("s3:Get*"))),
		may(assumed, get, deny, policy.Session, identity(allows("s3:*")), sessionOf(allows("s3:*")), sessionOf(denies("s3:Get*"))),
		may(assumed, put, none, policy.Identity, identity(allows("s3:Get*")), sessionOf(allows("s3:Get*")), sessionOf(allows("s3:*"))),
		// With a boundary: all three have to allow.
		may(assumed, get, allow, policy.Identity, identity(allows("s3:*")), boundary(allows("s3:Get*")), sessionOf(allows("*"))),
		may(assumed, put, none, policy.Boundary, identity(allows("s3:*")), boundary(allows("s3:Get*")), sessionOf(allows("*"))),
		may(assumed, put, none, policy.Session, identity(allows("s3:*")), boundary(allows("s3:*")), sessionOf(allows("s3:Get*"))),
		// With a resource-based policy: the role's ARN is limited by the session policies, the session's own is not.
		may(assumed, get, allow, policy.Resource, sessionOf(allows("s3:Get*")), resource(grants(toRole, get))),
		may(assumed, get, none, policy.Session, sessionOf(allows("iam:*")), resource(grants(toRole, get))),
		may(assumed, get, allow, policy.Resource, sessionOf(allows("iam:*")), resource(grants(toSession, get))),
		may(assumed, get, deny, policy.Session, sessionOf(denies("s3:*")), resource(grants(toSession, get))),
	}},
	{"Policy evaluation logic: resource-based policies, one account", []decision{
		may(user, get, allow, policy.Resource, resource(grants(toUser, get))),
		may(user, get, allow, policy.Resource, identity(allows("iam:*")), resource(grants(toUser, get))),
		may(user, get, allow, policy.Identity, identity(allows("s3:*")), resource(grants(toBob, get))),
		may(user, get, none, policy.Identity, resource(grants(toBob, get))),
		may(user, put, none, policy.Identity, resource(grants(toUser, get))),
		may(assumed, get, allow, policy.Resource, resource(grants(toRole, get))),
		may(assumed, get, allow, policy.Resource, resource(grants(toSession, get))),
		may(user, get, deny, policy.Resource, identity(allows("s3:*")), resource(forbids(`"Principal": `+toUser, get))),
		may(user, get, deny, policy.Resource, resource(grants(toUser, get), forbids(`"Principal": "*"`, get))),
		may(user, get, deny, policy.Identity, identity(denies("s3:*")), resource(grants(toUser, get))),
		may(user, get, deny, policy.Resource, identity(denies("s3:*")), resource(forbids(`"Principal": "*"`, get))),
		may(user, put, allow, policy.Identity, identity(allows("s3:*")), resource(forbids(`"Principal": "*"`, get))),
		may(rootUser, get, deny, policy.Resource, resource(forbids(`"Principal": `+toRoot, get))),
		// An account as the principal leaves it to its identity policies.
		may(user, get, none, policy.Identity, resource(grants(toAccount, get))),
		may(user, get, none, policy.Identity, resource(grants(toRoot, get))),
		may(user, get, allow, policy.Identity, identity(allows("s3:*")), resource(grants(toAccount, get))),
		may(rootUser, get, allow, policy.Resource, resource(grants(toAccount, get))),
		may(user, get, allow, policy.Resource, resource(grants(toAccount, get), grants(toUser, get))),
		may(user, get, allow, policy.Resource, resource(grants(toUser, get), grants(toAccount, get))),
		may(assumed, get, allow, policy.Resource, sessionOf(allows("iam:*")), resource(grants(toRole, get), grants(toSession, get))),
		may(user, get, allow, policy.Resource, resource(grants(`{"AWS": ["`+alice+`", "`+account+`"]}`, get))),
		may(user, get, allow, policy.Resource, resource(grants(`{"AWS": ["`+account+`", "`+alice+`"]}`, get))),
		// Everyone.
		may(user, get, allow, policy.Resource, resource(grants(toAll, get))),
		may(anonymous, get, allow, policy.Resource, resource(grants(toAll, get))),
		may(anonymous, put, none, policy.Resource, resource(grants(toAll, get))),
		may(anonymous, get, allow, policy.Resource, resource(grants(`{"AWS": "*"}`, get))),
		may(anonymous, get, none, policy.Resource, resource(grants(toAccount, get))),
		may(lambda, get, allow, policy.Resource, resource(grants(toLambda, get))),
		may(lambda, get, none, policy.Resource, resource(grants(toAccount, get))),
		may(lambda, get, none, policy.Resource, resource(grants(toLambda, put))),
	}},
	{"JSON policy elements: NotPrincipal, with permissions boundaries", []decision{
		may(user, get, allow, policy.Identity, identity(allows("s3:*")), resource(forbids(`"NotPrincipal": `+toUser, get))),
		may(user, get, deny, policy.Resource, identity(allows("s3:*")), boundary(allows("s3:*")), resource(forbids(`"NotPrincipal": `+toUser, get))),
		may(user, put, allow, policy.Identity, identity(allows("s3:*")), boundary(allows("s3:*")), resource(forbids(`"NotPrincipal": `+toUser, get))),
		may(user, get, deny, policy.Resource, identity(allows("s3:*")), boundary(allows("s3:*")), resource(forbids(`"NotPrincipal": "*"`, get))),
		may(user, get, allow, policy.Identity, identity(allows("s3:*")), resource(forbids(`"NotPrincipal": "*"`, get))),
		may(lambda, get, allow, policy.Resource, resource(grants(toLambda, get), forbids(`"NotPrincipal": `+toLambda, get))),
	}},
	{"Cross-account policy evaluation logic", []decision{
		may(stranger, get, allow, policy.Identity, identity(allows("s3:*")), resource(grants(toBob, get)), crossAccount),
		may(stranger, get, allow, policy.Identity, identity(allows("s3:*")), resource(grants(toOther, get)), crossAccount),
		may(stranger, get, allow, policy.Identity, identity(allows("s3:*")), resource(grants(toAll, get)), crossAccount),
		may(stranger, get, none, policy.Identity, resource(grants(toBob, get)), crossAccount),
		may(stranger, get, none, policy.Identity, resource(grants(toAll, get)), crossAccount),
		may(stranger, get, none, policy.Resource, identity(allows("s3:*")), resource(grants(toUser, get)), crossAccount),
		may(stranger, get, none, policy.Resource, identity(allows("s3:*")), crossAccount),
		may(stranger, get, deny, policy.Identity, identity(denies("s3:*")), resource(grants(toBob, get)), crossAccount),
		may(stranger, get, deny, policy.Resource, identity(allows("s3:*")), resource(forbids(`"Principal": "*"`, get)), crossAccount),
		may(stranger, get, none, policy.Boundary, identity(allows("s3:*")), boundary(allows("iam:*")), resource(grants(toBob, get)), crossAccount),
		may(stranger, assume, allow, policy.Identity, identity(allows("sts:*")), trustOf(trusts(toOther)), crossAccount),
		may(stranger, assume, none, policy.Trust, identity(allows("sts:*")), trustOf(trusts(toAccount)), crossAccount),
		may(stranger, assume, none, policy.Identity, trustOf(trusts(toBob)), crossAccount),
		may(login, web, allow, policy.Trust, trustOf(trusts(toLogin)), crossAccount),
		may(anonymous, get, allow, policy.Resource, resource(grants(toAll, get)), crossAccount),
	}},
	{"Policy evaluation logic: role trust policies", []decision{
		// "The trust policy must explicitly allow", and is enough where it names the caller.
		may(user, assume, allow, policy.Trust, trustOf(trusts(toUser))),
		may(user, assume, none, policy.Trust, identity(allows("sts:*")), trustOf(trusts(toBob))),
		may(user, assume, none, policy.Identity, trustOf(trusts(toAccount))),
		may(user, assume, allow, policy.Identity, identity(allows("sts:*")), trustOf(trusts(toAccount))),
		may(user, assume, deny, policy.Identity, identity(denies("sts:*")), trustOf(trusts(toUser))),
		may(user, assume, deny, policy.Trust, identity(allows("sts:*")), trustOf(trusts(toUser), `{"Effect": "Deny", "Principal": `+toUser+`, "Action": "sts:AssumeRole"}`)),
		may(assumed, assume, allow, policy.Trust, trustOf(trusts(toRole))),
		may(assumed, assume, none, policy.Session, sessionOf(allows("s3:*")), trustOf(trusts(toRole))),
		may(rootUser, assume, allow, policy.Trust, trustOf(trusts(toRoot))),
		may(login, web, allow, policy.Trust, trustOf(trusts(toLogin))),
		may(login, web, none, policy.Trust, trustOf(trusts(toAccount))),
		may(login, web, none, policy.Trust, trustOf(trusts(`{"Federated": "accounts.google.com"}`))),
		may(lambda, assume, allow, policy.Trust, trustOf(trusts(toLambda))),
	}},
	{"Amazon Cognito developer guide, IAM roles: role trust and permissions", cognitoTrustRows},
}

// cognitoTrust is the trust policy that the Cognito console makes for a role (Amazon Cognito developer guide, "IAM roles").
func cognitoTrust(amr string) string {
	return fmt.Sprintf(`{
		"Version": "2012-10-17",
		"Statement": [{
			"Sid": "Pool",
			"Effect": "Allow",
			"Principal": {"Federated": "cognito-identity.amazonaws.com"},
			"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
			"Condition": {
				"StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:a"},
				"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": %q}
			}
		}]
	}`, amr)
}

var (
	poolAud  = pair(cognito+":aud", "us-east-1:a")
	loginAMR = pair(cognito+":amr", "authenticated", "accounts.google.com", "accounts.google.com:app:123")
	guestAMR = pair(cognito+":amr", "unauthenticated")
)

// trusted asks cognitoTrust with this amr.
func trusted(amr, action, federated string, want policy.Effect, context ...policy.Pair) decision {
	return decision{
		policies: policies{trust: cognitoTrust(amr)},
		request:  policy.Request{Principal: policy.Principal{Type: policy.Federated, Name: federated}, Action: action, Context: context},
		want:     want, kind: policy.Trust,
	}
}

var cognitoTrustRows = []decision{
	trusted("authenticated", web, cognito, allow, poolAud, loginAMR),                                                   // login
	trusted("authenticated", tagSession, cognito, allow, poolAud, loginAMR),                                            // login with tags
	trusted("unauthenticated", web, cognito, allow, poolAud, guestAMR),                                                 // guest
	trusted("authenticated", web, cognito, none, poolAud, guestAMR),                                                    // guest for the role of logins
	trusted("unauthenticated", web, cognito, none, poolAud, loginAMR),                                                  // login for the role of guests
	trusted("*", web, cognito, allow, poolAud, guestAMR),                                                               // any amr
	trusted("accounts.google.com*", web, cognito, allow, poolAud, loginAMR),                                            // one provider
	trusted("graph.facebook.com*", web, cognito, none, poolAud, loginAMR),                                              // another provider
	trusted("authenticated", web, cognito, none, pair(cognito+":aud", "us-east-1:b"), loginAMR),                        // another pool
	trusted("authenticated", web, cognito, none, pair(cognito+":aud", "us-east-1:A"), loginAMR),                        // pool in other case
	trusted("authenticated", web, cognito, allow, pair("Cognito-Identity.amazonaws.com:AUD", "us-east-1:a"), loginAMR), // key in other case
	trusted("authenticated", web, cognito, none, loginAMR),                                                             // no aud
	trusted("authenticated", web, cognito, none, poolAud),                                                              // no amr
	trusted("*", web, cognito, none, poolAud, pair(cognito+":amr")),                                                    // empty amr
	trusted("authenticated", web, "accounts.google.com", none, poolAud, loginAMR),                                      // another issuer
	trusted("authenticated", assume, cognito, none, poolAud, loginAMR),                                                 // another action
}
