//! The routes of all doors: one table, for the server and for its OpenAPI document.

use hyper::Uri;

use super::forward_auth::Dialect;
use crate::config::listener::{Door, DoorSet};

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Decides one request.
    Check,
    /// Decides several requests.
    CheckBatch,
    /// Prints the OpenAPI document.
    OpenApi,
    /// Decides one request of AuthZEN.
    Evaluation,
    /// Decides several requests of AuthZEN.
    Evaluations,
    /// Prints the metadata of AuthZEN.
    Metadata,
    /// Decides one request for a proxy.
    ForwardAuth(Dialect),
    /// Says that the server lives.
    Live,
    /// Says whether the server is ready.
    Ready,
    /// Prints the metrics.
    Metrics,
    /// Prints the metrics of each tenant.
    TenantMetrics,
}

/// A route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) door: Door,
    /// The path, in which `{tenant}` stands for one segment, and `{path}` at the end for any rest.
    pub(super) path: &'static str,
    pub(super) task: Task,
}

impl Route {
    /// Whether it takes a body, with POST. The others take GET.
    pub(super) fn takes_body(&self) -> bool {
        matches!(self.task, Task::Check | Task::CheckBatch | Task::Evaluation | Task::Evaluations)
    }

    /// What follows the prefix of the path of a request, as it arrived: the path of another request, with its query.
    pub(super) fn behind<'u>(&self, tenant: &str, uri: &'u Uri) -> &'u str {
        let Some(pattern) = self.path.strip_suffix(PATH) else { return "" };
        let length = pattern.len().saturating_add(tenant.len()).saturating_sub(TENANT.len());
        uri.path_and_query().and_then(|target| target.as_str().get(length..)).unwrap_or_default()
    }

    /// The methods that it takes, as in the header `Allow`, or `ANY`.
    pub(super) fn methods(&self) -> &'static str {
        match self.task {
            Task::ForwardAuth(_) => "ANY",
            _ if self.takes_body() => "POST",
            _ => "GET, HEAD",
        }
    }
}

/// The segment that stands for the name of a tenant.
const TENANT: &str = "{tenant}";

/// The end of a path that stands for any rest.
const PATH: &str = "{path}";

/// All routes.
pub(super) const ROUTES: [Route; 14] = [
    Route { door: Door::Native, path: "/v1/tenants/{tenant}/check", task: Task::Check },
    Route { door: Door::Native, path: "/v1/tenants/{tenant}/check:batch", task: Task::CheckBatch },
    Route { door: Door::Native, path: "/openapi.json", task: Task::OpenApi },
    Route { door: Door::Authzen, path: "/tenants/{tenant}/access/v1/evaluation", task: Task::Evaluation },
    Route { door: Door::Authzen, path: "/tenants/{tenant}/access/v1/evaluations", task: Task::Evaluations },
    Route { door: Door::Authzen, path: "/.well-known/authzen-configuration/tenants/{tenant}", task: Task::Metadata },
    proxy("/v1/tenants/{tenant}/forward-auth/nginx", Dialect::Nginx),
    proxy("/v1/tenants/{tenant}/forward-auth/caddy", Dialect::Caddy),
    proxy("/v1/tenants/{tenant}/forward-auth/traefik", Dialect::Caddy),
    proxy("/v1/tenants/{tenant}/forward-auth/envoy{path}", Dialect::Envoy),
    Route { door: Door::Health, path: "/healthz", task: Task::Live },
    Route { door: Door::Health, path: "/readyz", task: Task::Ready },
    Route { door: Door::Metrics, path: "/metrics", task: Task::Metrics },
    Route { door: Door::TenantMetrics, path: "/metrics/tenants", task: Task::TenantMetrics },
];

const fn proxy(path: &'static str, dialect: Dialect) -> Route {
    Route { door: Door::ForwardAuth, path, task: Task::ForwardAuth(dialect) }
}

/// The route of a path among those of some doors, with the segment that names the tenant; it is empty if the route has
/// none. Nothing in a path is decoded: a name has one spelling.
pub(super) fn find(doors: DoorSet, path: &str) -> Option<(&'static Route, &str)> {
    ROUTES.iter().filter(|route| doors.has(route.door)).find_map(|route| Some((route, tenant(route.path, path)?)))
}

/// The tenant in a path, if the path is that of the pattern.
fn tenant<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let mut tenant = "";
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if let Some(prefix) = expected.strip_suffix(PATH).filter(|prefix| !prefix.is_empty()) {
            return segment.starts_with(prefix).then_some(tenant);
        }
        if expected == TENANT {
            tenant = segment;
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_route_and_names_at_most_one_tenant() {
        let all: DoorSet = Door::ALL.into_iter().collect();
        let found = |path| find(all, path).map(|(route, tenant)| (route.task, tenant));
        assert_eq!(found("/v1/tenants/acme/check"), Some((Task::Check, "acme")));
        assert_eq!(found("/v1/tenants/acme/check:batch"), Some((Task::CheckBatch, "acme")));
        assert_eq!(found("/v1/tenants//check"), Some((Task::Check, "")));
        assert_eq!(found("/v1/tenants/a%2fb/check"), Some((Task::Check, "a%2fb")));
        assert_eq!(found("/healthz"), Some((Task::Live, "")));
        for path in ["", "/", "/v1/tenants/acme", "/v1/tenants/acme/check/", "/v1/tenants/a/b/check", "//healthz", "*"]
        {
            assert_eq!(found(path), None, "{path}");
        }
        for route in ROUTES {
            let path = route.path.replace(TENANT, "acme").replace(PATH, "/a");
            assert_eq!(find(all, &path).unwrap().0.task, route.task);
        }
    }

    #[test]
    fn the_path_behind_a_prefix_is_taken_as_it_is() {
        let all: DoorSet = Door::ALL.into_iter().collect();
        for behind in ["/", "/a//b/../c%2f;d?e=f?/g", "", "x", "?a", "//healthz", "/v1/tenants/other/check"] {
            let uri: Uri = format!("/v1/tenants/acme/forward-auth/envoy{behind}").parse().unwrap();
            let (route, tenant) = find(all, uri.path()).unwrap();
            assert_eq!((route.task, tenant), (Task::ForwardAuth(Dialect::Envoy), "acme"), "{behind}");
            assert_eq!(route.behind(tenant, &uri), behind);
        }
        for behind in ["nginx/", "", "envo", "caddy/a"] {
            assert!(find(all, &format!("/v1/tenants/acme/forward-auth/{behind}")).is_none(), "{behind}");
        }
        assert!(find(all, "/v1/tenants/a/b/forward-auth/envoy/").is_none());
    }

    #[test]
    fn a_listener_has_only_the_routes_of_its_doors() {
        let native = DoorSet::default().with(Door::Native);
        for route in ROUTES {
            assert_eq!(find(native, route.path).is_some(), route.door == Door::Native, "{}", route.path);
        }
    }
}
