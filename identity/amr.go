package identity

import (
	"slices"
	"strings"
)

// StillGood tells whether a token of ours for a pool, named by its full id, still speaks for an identity, by its amr:
// "unauthenticated" for one that has had no login yet, else "authenticated" and pairs of a provider's name and a detail that
// ends in the subject, of which the identity must still have one. Who was unlinked would else go on as the identity for as
// long as the token lives.
func StillGood(amr []string, pool string, i *Identity) bool {
	if i.Disabled {
		return false
	}
	if slices.Contains(amr, "unauthenticated") {
		return len(i.Logins) == 0
	}
	for k := 1; k+1 < len(amr); k += 2 {
		provider, detail := amr[k], amr[k+1]
		if slices.ContainsFunc(i.Logins, func(l Login) bool { return l.Provider == provider && l.isDetail(detail, pool) }) {
			return true
		}
	}
	return false
}

// isDetail tells whether a detail names the login. Subjects may hold colons, so that the end alone does not say it:
//
//	...:oidc-provider/NAME:OIDC:SUBJECT   an OIDC provider's
//	PROVIDER:POOL:SUBJECT                 a developer's
//	PROVIDER:CognitoSignIn:SUBJECT        a user pool's
//	PROVIDER:APP:SUBJECT                  a social provider's
//	PROVIDER:SAML:SUBJECT                 a SAML provider's
func (l Login) isDetail(detail, pool string) bool {
	if strings.HasSuffix(detail, ":oidc-provider/"+l.Provider+":OIDC:"+l.Subject) {
		return true
	}
	middle, ok := strings.CutPrefix(detail, l.Provider+":")
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, ":"+l.Subject)
	return ok && (middle == pool || !strings.Contains(middle, ":"))
}
