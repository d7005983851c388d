package policy

import (
	"strings"
)

// PrincipalType is the key under which a policy names a principal.
type PrincipalType int

const (
	Anonymous     PrincipalType = iota // a caller without a signature; only `*` matches
	AWS                                // an account, user, role or role session
	Federated                          // a login that an identity provider vouches for
	Service                            // an AWS service
	CanonicalUser                      // an account, by its S3 id
)

// principalTypes are the keys of a Principal element.
var principalTypes = map[string]PrincipalType{
	"AWS": AWS, "Federated": Federated, "Service": Service, "CanonicalUser": CanonicalUser,
}

func (t PrincipalType) String() string {
	for name, is := range principalTypes {
		if is == t {
			return name
		}
	}
	return "Anonymous"
}

// Principal is who makes a request. The zero value is an anonymous caller.
type Principal struct {
	Type PrincipalType

	// Name is an ARN for AWS (of the user, the account's root, or the role session), a provider's ARN or domain such as
	// cognito-identity.amazonaws.com for Federated, a domain such as ec2.amazonaws.com for Service.
	Name string

	// Role is the ARN of the role, when Name is one of its sessions. A policy that names the role means its sessions too.
	Role string

	// Account is the 12 digits of the account of an AWS principal.
	Account string
}

// principal is one name in a policy's Principal or NotPrincipal.
type principal struct {
	everyone bool // "Principal": "*"
	kind     PrincipalType
	name     string // as it stands in the document
	account  string // 12 digits, if the name means every principal of an account
}

// matches tells whether the name in the policy means who.
func (p *principal) matches(who *Principal) bool {
	switch {
	case p.everyone:
		return true
	case p.kind == AWS && p.name == "*":
		return who.Type == AWS || who.Type == Anonymous
	case p.kind != who.Type:
		return false
	case p.account != "":
		return p.account == who.Account
	}
	return p.name == who.Name || who.Role != "" && p.name == who.Role
}

// parsePrincipal reads one name. A wildcard stands for everyone or not at all ("You cannot use a wildcard to match part
// of a principal name or ARN", JSON policy elements: Principal); a name that can never match is refused.
func parsePrincipal(kind PrincipalType, name text) (principal, error) {
	p := principal{kind: kind, name: name.value}
	valid := name.value != "" && !strings.ContainsAny(name.value, "*?")
	if kind == AWS {
		switch {
		case name.value == "*":
			return p, nil
		case isAccount(name.value):
			p.account = name.value
			return p, nil
		}
		account, resource, ok := cutARN(name.value)
		if resource == "root" { // the account, not just its root user
			p.account = account
		}
		valid = valid && ok
	}
	if !valid {
		return p, refuse(name.path, "Invalid principal in policy: %q:%q", kind.String(), clip(name.value))
	}
	return p, nil
}

// cutARN takes the ARN of a principal apart: arn:PARTITION:iam::ACCOUNT:root, user/NAME or role/NAME, and
// arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION or federated-user/NAME.
func cutARN(arn string) (account, resource string, ok bool) {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) < 6 || fields[0] != "arn" || fields[1] == "" || fields[3] != "" || !isAccount(fields[4]) {
		return "", "", false
	}
	account, resource = fields[4], fields[5]
	kind, name, _ := strings.Cut(resource, "/")
	switch fields[2] + ":" + kind {
	case "iam:root":
		return account, resource, resource == "root"
	case "iam:user", "iam:role", "sts:federated-user":
		return account, resource, name != ""
	case "sts:assumed-role":
		role, session, _ := strings.Cut(name, "/")
		return account, resource, role != "" && session != ""
	}
	return "", "", false
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
