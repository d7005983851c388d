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

// reach says how far an Allow carries whoever it names, when principal and resource are of one account (Policy evaluation
// logic for requests within a single account). The order is from less to more.
type reach int

const (
	unreached reach = iota
	// toAccount: an account "delegates authority to the account", whose identity policies have to allow too.
	toAccount
	// toRole: a role or everyone. "Resource-based policies that grant permissions to an IAM role ARN are limited by an
	// implicit deny in a permissions boundary or session policy", and not by one in identity policies. Of everyone the
	// guide says nothing; this is the narrow reading.
	toRole
	// direct: a user or session by its own name, or who has no identity policies (a login, a service, a stranger). "Not
	// limited by an implicit deny in an identity-based policy, a permissions boundary, or session policy".
	direct
)

// reaches tells whether the name in the policy means who, and how far its Allow carries.
func (p *principal) reaches(who *Principal) reach {
	switch {
	case p.everyone || p.kind == AWS && p.name == "*":
		switch {
		case !p.everyone && who.Type != AWS && who.Type != Anonymous:
			return unreached
		case who.Type == AWS:
			return toRole
		}
		return direct
	case p.kind != who.Type:
		return unreached
	case p.account != "":
		if p.account != who.Account {
			return unreached
		}
		if p.rootUser(who) {
			return direct
		}
		return toAccount
	case p.name == who.Name:
		return direct
	case who.Role != "" && p.name == who.Role:
		return toRole
	}
	return unreached
}

// rootUser tells whether who is the root user of the account that p means.
func (p *principal) rootUser(who *Principal) bool {
	_, rest, _ := strings.Cut(who.Name, ":iam::")
	return p.account == who.Account && rest == p.account+":root"
}

// excepts tells whether a NotPrincipal of these names spares who. The account alone doesn't spare its users, nor the role
// its sessions: "AWS might validate the account first, then the role, and then the assumed-role user" (JSON policy
// elements: NotPrincipal), and the guide's example, which names an account and Bob, denies the others of the account. So a
// user or session has to be named itself, and a session's role too. A boundary undoes it: "The NotPrincipal element with a
// Deny effect will always deny any IAM principal that has a permissions boundary policy attached".
func excepts(names []principal, who *Principal, bounded bool) bool {
	itself, role := false, who.Role == ""
	for i := range names {
		p := &names[i]
		switch {
		case p.everyone:
			itself, role = true, true
		case p.kind == AWS && p.name == "*":
			itself = itself || who.Type == AWS || who.Type == Anonymous
			role = true
		case p.kind != who.Type:
		case p.account != "":
			itself = itself || p.rootUser(who)
		default:
			itself = itself || p.name == who.Name
			role = role || p.name == who.Role
		}
	}
	return itself && role && !(bounded && who.Type == AWS)
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
