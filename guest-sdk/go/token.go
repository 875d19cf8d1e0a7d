package guardhouse

import "slices"

// AccessToken is what a verified OAuth 2.0 access token says. The secret itself is not here; see package
// rawtoken.
type AccessToken struct {
	// ClientID is the OAuth client that presented the token (RFC 9068 client_id).
	ClientID string
	// Subject is who the token speaks for (RFC 7519 sub); nil for a client acting for itself.
	Subject *string
	// Scopes are the scopes granted.
	Scopes []string
	// ExpiresAt is in seconds since the Unix epoch; nil if the token never expires. Whoever verified the
	// token has looked at it.
	ExpiresAt *int64
	// ResourceIndicator is the resource that the token was issued for (RFC 8707), if it says so.
	ResourceIndicator *string
}

// HasScope says whether the token holds scope, compared as it is: by code point.
func (token *AccessToken) HasScope(scope string) bool {
	return slices.Contains(token.Scopes, scope)
}

// HasScopes says whether the token holds each of scopes. It always holds each of none.
func (token *AccessToken) HasScopes(scopes ...string) bool {
	for _, scope := range scopes {
		if !token.HasScope(scope) {
			return false
		}
	}
	return true
}

// MissingScopes are those of scopes that the token lacks, in the order given, without repeating one.
func (token *AccessToken) MissingScopes(scopes ...string) []string {
	var missing []string
	for _, scope := range scopes {
		if !token.HasScope(scope) && !slices.Contains(missing, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Component is the thing being accessed. It is the Model Context Protocol's word, not WebAssembly's.
type Component struct {
	// Kind is "tool", "resource", "resource-template", "prompt", or any other kind that the enforcement
	// point names.
	Kind string
	// Name is unique within its kind.
	Name string
	// URI is the URI of a resource, or the URI template of a resource template; nil for others.
	URI *string
	// Version is nil where the component has none.
	Version *string
	// Tags are the labels that the component's author gave it.
	Tags []string
}

// HasTag says whether the component carries tag, compared as it is: by code point.
func (component *Component) HasTag(tag string) bool {
	return slices.Contains(component.Tags, tag)
}
