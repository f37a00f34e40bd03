//! The attributes that each estimator has in scikit-learn 1.3 to 1.9. One that is not here may change what the model
//! computes, so that it is refused.

/// By class; those of every estimator (`_sklearn_version`, `n_features_in_` …) are not repeated.
pub(super) const KNOWN: &[(&str, &str)] = &[
    (
        "ARDRegression",
        "X_offset_ X_scale_ alpha_ alpha_1 alpha_2 coef_ compute_score copy_X fit_intercept intercept_ \
         lambda_ lambda_1 lambda_2 max_iter n_iter_ scores_ sigma_ threshold_lambda tol verbose",
    ),
    (
        "BayesianRidge",
        "X_offset_ X_scale_ alpha_ alpha_1 alpha_2 alpha_init coef_ compute_score copy_X fit_intercept \
         intercept_ lambda_ lambda_1 lambda_2 lambda_init max_iter n_iter_ scores_ sigma_ tol verbose",
    ),
    ("Binarizer", "copy threshold"),
    (
        "ColumnTransformer",
        "_columns _n_features _name_to_fitted_passthrough _remainder _transformer_to_input_indices \
         force_int_remainder_cols n_jobs output_indices_ remainder sparse_output_ sparse_threshold \
         transformer_weights transformers transformers_ verbose verbose_feature_names_out",
    ),
    (
        "DecisionTreeClassifier",
        "ccp_alpha class_weight classes_ criterion max_depth max_features max_features_ max_leaf_nodes \
         min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst \
         n_classes_ n_outputs_ random_state splitter tree_",
    ),
    (
        "DecisionTreeRegressor",
        "ccp_alpha class_weight criterion max_depth max_features max_features_ max_leaf_nodes \
         min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst \
         n_outputs_ random_state splitter tree_",
    ),
    (
        "DummyClassifier",
        "_strategy class_prior_ classes_ constant n_classes_ n_outputs_ random_state sparse_output_ \
         strategy",
    ),
    ("DummyRegressor", "constant constant_ n_outputs_ quantile strategy"),
    (
        "ElasticNet",
        "alpha coef_ copy_X dual_gap_ fit_intercept intercept_ l1_ratio max_iter n_iter_ positive \
         precompute random_state selection tol warm_start",
    ),
    (
        "ElasticNetCV",
        "alpha_ alphas alphas_ coef_ copy_X cv dual_gap_ eps fit_intercept intercept_ l1_ratio l1_ratio_ \
         max_iter mse_path_ n_iter_ n_jobs positive precompute random_state selection tol verbose",
    ),
    (
        "ExtraTreeClassifier",
        "ccp_alpha class_weight classes_ criterion max_depth max_features max_features_ max_leaf_nodes \
         min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst \
         n_classes_ n_outputs_ random_state splitter tree_",
    ),
    (
        "ExtraTreeRegressor",
        "ccp_alpha class_weight criterion max_depth max_features max_features_ max_leaf_nodes \
         min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst \
         n_outputs_ random_state splitter tree_",
    ),
    (
        "ExtraTreesClassifier",
        "_n_samples _n_samples_bootstrap _sample_weight bootstrap ccp_alpha class_weight classes_ \
         criterion estimator estimator_ estimator_params estimators_ max_depth max_features \
         max_leaf_nodes max_samples min_impurity_decrease min_samples_leaf min_samples_split \
         min_weight_fraction_leaf monotonic_cst n_classes_ n_estimators n_jobs n_outputs_ oob_score \
         random_state verbose warm_start",
    ),
    (
        "ExtraTreesRegressor",
        "_n_samples _n_samples_bootstrap _sample_weight bootstrap ccp_alpha class_weight criterion \
         estimator estimator_ estimator_params estimators_ max_depth max_features max_leaf_nodes \
         max_samples min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf \
         monotonic_cst n_estimators n_jobs n_outputs_ oob_score random_state verbose warm_start",
    ),
    (
        "FunctionTransformer",
        "accept_sparse check_inverse feature_names_out func inv_kw_args inverse_func kw_args validate",
    ),
    (
        "GammaRegressor",
        "_base_loss alpha coef_ fit_intercept intercept_ max_iter n_iter_ solver tol verbose warm_start",
    ),
    (
        "GradientBoostingClassifier",
        "_loss _rng alpha ccp_alpha classes_ criterion estimators_ init init_ learning_rate loss loss_ \
         max_depth max_features max_features_ max_leaf_nodes min_impurity_decrease min_samples_leaf \
         min_samples_split min_weight_fraction_leaf n_classes_ n_estimators n_estimators_ \
         n_iter_no_change n_trees_per_iteration_ oob_improvement_ oob_score_ oob_scores_ random_state \
         subsample tol train_score_ validation_fraction verbose warm_start",
    ),
    (
        "GradientBoostingRegressor",
        "_loss _rng alpha ccp_alpha criterion estimators_ init init_ learning_rate loss max_depth \
         max_features max_features_ max_leaf_nodes min_impurity_decrease min_samples_leaf \
         min_samples_split min_weight_fraction_leaf n_estimators n_estimators_ n_iter_no_change \
         n_trees_per_iteration_ random_state subsample tol train_score_ validation_fraction verbose \
         warm_start",
    ),
    (
        "HistGradientBoostingClassifier",
        "_baseline_prediction _bin_mapper _feature_subsample_rng _in_fit _is_categorical_remapped \
         _label_encoder _loss _n_features _predictors _preprocessor _random_seed _scorer \
         _use_validation_data categorical_features class_weight classes_ do_early_stopping_ \
         early_stopping interaction_cst is_categorical_ l2_regularization learning_rate loss max_bins \
         max_depth max_features max_iter max_leaf_nodes min_samples_leaf monotonic_cst n_iter_no_change \
         n_trees_per_iteration_ random_state scoring tol train_score_ validation_fraction \
         validation_score_ verbose warm_start",
    ),
    (
        "HistGradientBoostingRegressor",
        "_baseline_prediction _bin_mapper _feature_subsample_rng _in_fit _is_categorical_remapped _loss \
         _n_features _predictors _preprocessor _random_seed _scorer _use_validation_data \
         categorical_features do_early_stopping_ early_stopping interaction_cst is_categorical_ \
         l2_regularization learning_rate loss max_bins max_depth max_features max_iter max_leaf_nodes \
         min_samples_leaf monotonic_cst n_iter_no_change n_trees_per_iteration_ quantile random_state \
         scoring tol train_score_ validation_fraction validation_score_ verbose warm_start",
    ),
    (
        "HuberRegressor",
        "alpha coef_ epsilon fit_intercept intercept_ max_iter n_iter_ outliers_ scale_ tol warm_start",
    ),
    (
        "IsolationForest",
        "_average_path_length_per_tree _decision_path_lengths _max_features _max_samples _n_samples \
         _sample_weight _seeds bootstrap bootstrap_features contamination estimator estimator_ \
         estimator_params estimators_ estimators_features_ max_features max_samples max_samples_ \
         n_estimators n_features_ n_jobs offset_ oob_score random_state verbose warm_start",
    ),
    (
        "KBinsDiscretizer",
        "_encoder bin_edges_ dtype encode n_bins n_bins_ quantile_method random_state strategy subsample",
    ),
    (
        "KMeans",
        "_algorithm _n_features_out _n_init _n_threads _tol algorithm cluster_centers_ copy_x inertia_ \
         init labels_ max_iter n_clusters n_init n_iter_ random_state tol verbose",
    ),
    (
        "Lars",
        "active_ alphas_ coef_ coef_path_ copy_X eps fit_intercept fit_path intercept_ jitter n_iter_ \
         n_nonzero_coefs normalize precompute random_state verbose",
    ),
    (
        "Lasso",
        "alpha coef_ copy_X dual_gap_ fit_intercept intercept_ l1_ratio max_iter n_iter_ positive \
         precompute random_state selection sparse_coef_ tol warm_start",
    ),
    (
        "LassoCV",
        "alpha_ alphas alphas_ coef_ copy_X cv dual_gap_ eps fit_intercept intercept_ max_iter mse_path_ \
         n_iter_ n_jobs positive precompute random_state selection tol verbose",
    ),
    (
        "LassoLars",
        "active_ alpha alphas_ coef_ coef_path_ copy_X eps fit_intercept fit_path intercept_ jitter \
         max_iter n_iter_ positive precompute random_state verbose",
    ),
    (
        "LassoLarsIC",
        "alpha_ alphas_ coef_ copy_X criterion criterion_ eps fit_intercept fit_path intercept_ max_iter \
         n_iter_ noise_variance noise_variance_ positive precompute verbose",
    ),
    (
        "LinearDiscriminantAnalysis",
        "_max_components _n_features_out classes_ coef_ covariance_estimator explained_variance_ratio_ \
         intercept_ means_ n_components priors priors_ scalings_ shrinkage solver store_covariance tol \
         xbar_",
    ),
    (
        "LinearRegression",
        "_residues coef_ copy_X fit_intercept intercept_ n_jobs positive rank_ singular_ tol",
    ),
    (
        "LinearSVC",
        "C class_weight classes_ coef_ dual fit_intercept intercept_ intercept_scaling loss max_iter \
         multi_class n_iter_ penalty random_state tol verbose",
    ),
    (
        "LinearSVR",
        "C coef_ dual epsilon fit_intercept intercept_ intercept_scaling loss max_iter n_iter_ \
         random_state tol verbose",
    ),
    (
        "LogisticRegression",
        "C class_weight classes_ coef_ dual fit_intercept intercept_ intercept_scaling l1_ratio max_iter \
         multi_class n_iter_ n_jobs penalty random_state solver tol verbose warm_start",
    ),
    (
        "LogisticRegressionCV",
        "C_ Cs Cs_ class_weight classes_ coef_ coefs_paths_ cv dual fit_intercept intercept_ \
         intercept_scaling l1_ratio_ l1_ratios l1_ratios_ max_iter multi_class n_iter_ n_jobs penalty \
         random_state refit scores_ scoring solver tol use_legacy_attributes verbose",
    ),
    ("MaxAbsScaler", "clip copy max_abs_ n_samples_seen_ scale_"),
    ("MinMaxScaler", "clip copy data_max_ data_min_ data_range_ feature_range min_ n_samples_seen_ scale_"),
    (
        "MiniBatchKMeans",
        "_batch_size _counts _ewa_inertia _ewa_inertia_min _init_size _n_features_out _n_init \
         _n_since_last_reassign _n_threads _no_improvement _tol batch_size cluster_centers_ \
         compute_labels inertia_ init init_size labels_ max_iter max_no_improvement n_clusters n_init \
         n_iter_ n_steps_ random_state reassignment_ratio tol verbose",
    ),
    ("MissingIndicator", "_n_features _precomputed error_on_new features features_ missing_values sparse"),
    ("Normalizer", "copy norm"),
    (
        "OneHotEncoder",
        "_default_to_infrequent_mappings _drop_idx_after_grouping _infrequent_enabled _infrequent_indices \
         _legacy_new_drop_idx _n_features_outs categories categories_ drop drop_idx_ dtype \
         feature_name_combiner handle_unknown max_categories min_frequency sparse sparse_output",
    ),
    (
        "OrdinalEncoder",
        "_default_to_infrequent_mappings _infrequent_enabled _infrequent_indices _missing_indices \
         categories categories_ dtype encoded_missing_value handle_unknown max_categories min_frequency \
         unknown_value",
    ),
    (
        "OrthogonalMatchingPursuit",
        "coef_ fit_intercept intercept_ n_iter_ n_nonzero_coefs n_nonzero_coefs_ precompute tol",
    ),
    (
        "PassiveAggressiveClassifier",
        "C _expanded_class_weight _loss_function_ alpha average class_weight classes_ coef_ \
         early_stopping epsilon eta0 fit_intercept intercept_ l1_ratio learning_rate loss max_iter \
         n_iter_ n_iter_no_change n_jobs penalty power_t random_state shuffle t_ tol validation_fraction \
         verbose warm_start",
    ),
    (
        "PassiveAggressiveRegressor",
        "C alpha average coef_ early_stopping epsilon eta0 fit_intercept intercept_ l1_ratio \
         learning_rate loss max_iter n_iter_ n_iter_no_change penalty power_t random_state shuffle t_ tol \
         validation_fraction verbose warm_start",
    ),
    (
        "Perceptron",
        "_expanded_class_weight _loss_function_ alpha average class_weight classes_ coef_ early_stopping \
         epsilon eta0 fit_intercept intercept_ l1_ratio learning_rate loss max_iter n_iter_ \
         n_iter_no_change n_jobs penalty power_t random_state shuffle t_ tol validation_fraction verbose \
         warm_start",
    ),
    ("Pipeline", "memory steps transform_input verbose"),
    (
        "PoissonRegressor",
        "_base_loss alpha coef_ fit_intercept intercept_ max_iter n_iter_ solver tol verbose warm_start",
    ),
    (
        "PolynomialFeatures",
        "_max_degree _min_degree _n_out_full degree include_bias interaction_only n_output_features_ \
         order",
    ),
    ("QuantileRegressor", "alpha coef_ fit_intercept intercept_ n_iter_ quantile solver solver_options"),
    (
        "RandomForestClassifier",
        "_n_samples _n_samples_bootstrap _sample_weight bootstrap ccp_alpha class_weight classes_ \
         criterion estimator estimator_ estimator_params estimators_ max_depth max_features \
         max_leaf_nodes max_samples min_impurity_decrease min_samples_leaf min_samples_split \
         min_weight_fraction_leaf monotonic_cst n_classes_ n_estimators n_features_ n_jobs n_outputs_ \
         oob_decision_function_ oob_score oob_score_ random_state verbose warm_start",
    ),
    (
        "RandomForestRegressor",
        "_n_samples _n_samples_bootstrap _sample_weight bootstrap ccp_alpha class_weight criterion \
         estimator estimator_ estimator_params estimators_ max_depth max_features max_leaf_nodes \
         max_samples min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf \
         monotonic_cst n_estimators n_jobs n_outputs_ oob_prediction_ oob_score oob_score_ random_state \
         verbose warm_start",
    ),
    (
        "Ridge",
        "alpha coef_ copy_X fit_intercept intercept_ max_iter n_iter_ positive random_state solver \
         solver_ tol",
    ),
    (
        "RidgeCV",
        "alpha_ alpha_per_target alphas best_score_ coef_ cv fit_intercept gcv_mode intercept_ scoring \
         store_cv_results store_cv_values",
    ),
    (
        "RidgeClassifier",
        "_label_binarizer alpha class_weight classes_ coef_ copy_X fit_intercept intercept_ max_iter \
         n_iter_ positive random_state solver solver_ tol",
    ),
    (
        "RidgeClassifierCV",
        "_label_binarizer alpha_ alpha_per_target alphas best_score_ class_weight classes_ coef_ cv \
         fit_intercept gcv_mode intercept_ scoring store_cv_results store_cv_values",
    ),
    ("RobustScaler", "center_ copy quantile_range scale_ unit_variance with_centering with_scaling"),
    (
        "SGDClassifier",
        "_average_coef _average_intercept _expanded_class_weight _loss_function_ _standard_coef \
         _standard_intercept alpha average class_weight classes_ coef_ early_stopping epsilon eta0 \
         fit_intercept intercept_ l1_ratio learning_rate loss max_iter n_iter_ n_iter_no_change n_jobs \
         penalty power_t random_state shuffle t_ tol validation_fraction verbose warm_start",
    ),
    (
        "SGDRegressor",
        "alpha average coef_ early_stopping epsilon eta0 fit_intercept intercept_ l1_ratio learning_rate \
         loss max_iter n_iter_ n_iter_no_change penalty power_t random_state shuffle t_ tol \
         validation_fraction verbose warm_start",
    ),
    (
        "SimpleImputer",
        "_fill_dtype _fit_dtype add_indicator copy fill_value indicator_ keep_empty_features \
         missing_values statistics_ strategy verbose",
    ),
    ("StandardScaler", "copy mean_ n_samples_seen_ scale_ var_ with_mean with_std"),
    (
        "TheilSenRegressor",
        "breakdown_ coef_ fit_intercept intercept_ max_iter max_subpopulation n_iter_ n_jobs \
         n_subpopulation_ n_subsamples random_state tol verbose",
    ),
    (
        "TweedieRegressor",
        "_base_loss alpha coef_ fit_intercept intercept_ link max_iter n_iter_ power solver tol verbose \
         warm_start",
    ),
    ("VarianceThreshold", "threshold variances_"),
];
