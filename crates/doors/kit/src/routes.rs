use axum::Router;
use axum::routing::MethodRouter;

/// A router that remembers its paths, so that `mlwright routes` can print them and two doors that want the same
/// one are found at start.
pub struct Routes<S> {
    router: Router<S>,
    paths: Vec<String>,
}

/// A door ready to be put behind an address.
pub struct Door {
    pub name: &'static str,
    pub router: Router,
    /// Absolute paths, in axum's notation.
    pub paths: Vec<String>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), paths: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.router = self.router.route(path, methods);
        if !self.paths.iter().any(|p| p == path) {
            self.paths.push(path.to_owned());
        }
        self
    }

    /// Changes the router as a whole, to add layers.
    pub fn map(mut self, f: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        self.router = f(self.router);
        self
    }

    pub fn door(self, name: &'static str, state: S) -> Door {
        Door { name, router: self.router.with_state(state), paths: self.paths }
    }
}
