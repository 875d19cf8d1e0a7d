// Package rawtoken reads the bearer secret. A check of a plugin that imports it and calls Get needs the
// grant raw-token.
package rawtoken

import (
	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/internal/hook"
)

// Get returns the token as the caller presented it; nil if the caller did not authenticate, or if the
// enforcement point did not pass it on.
func Get(ctx *guardhouse.AuthContext) *string {
	if documents := hook.DocumentsOf(ctx); documents != nil {
		return documents.RawToken
	}
	return hostGet()
}
