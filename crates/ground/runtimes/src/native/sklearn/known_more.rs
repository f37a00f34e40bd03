//! The same as `known`, for naive Bayes, networks, support vectors, ensembles of any estimators, searches, projections,
//! selections, and transformations to other distributions.

pub(super) const MORE: &[(&str, &str)] = &[
    (
        "AdaBoostClassifier",
        "algorithm classes_ estimator estimator_ estimator_errors_ estimator_params estimator_weights_ \
     estimators_ learning_rate n_classes_ n_estimators random_state",
    ),
    (
        "AdaBoostRegressor",
        "estimator estimator_ estimator_errors_ estimator_params estimator_weights_ estimators_ \
     learning_rate loss n_estimators random_state",
    ),
    (
        "BaggingClassifier",
        "_max_features _max_samples _n_samples _sample_weight _seeds bootstrap bootstrap_features \
     classes_ estimator estimator_ estimator_params estimators_ estimators_features_ max_features \
     max_samples n_classes_ n_estimators n_features_ n_jobs oob_decision_function_ oob_score \
     oob_score_ random_state verbose warm_start",
    ),
    (
        "BaggingRegressor",
        "_max_features _max_samples _n_samples _sample_weight _seeds bootstrap bootstrap_features \
     estimator estimator_ estimator_params estimators_ estimators_features_ max_features max_samples \
     n_estimators n_features_ n_jobs oob_prediction_ oob_score oob_score_ random_state verbose \
     warm_start",
    ),
    (
        "BernoulliNB",
        "alpha binarize class_count_ class_log_prior_ class_prior classes_ feature_count_ \
     feature_log_prob_ fit_prior force_alpha",
    ),
    ("CalibratedClassifierCV", "calibrated_classifiers_ classes_ cv ensemble estimator method n_jobs"),
    (
        "ComplementNB",
        "alpha class_count_ class_log_prior_ class_prior classes_ feature_all_ feature_count_ \
     feature_log_prob_ fit_prior force_alpha norm",
    ),
    ("FeatureUnion", "n_jobs transformer_list transformer_weights verbose verbose_feature_names_out"),
    ("GaussianNB", "class_count_ class_prior_ classes_ epsilon_ priors theta_ var_ var_smoothing"),
    (
        "GridSearchCV",
        "_checked_cv_orig best_estimator_ best_index_ best_params_ best_score_ cv cv_results_ error_score \
     estimator multimetric_ n_jobs n_splits_ param_grid pre_dispatch refit refit_time_ \
     return_train_score scorer_ scoring verbose",
    ),
    (
        "MLPClassifier",
        "_best_coefs _best_intercepts _label_binarizer _no_improvement_count _optimizer _random_state \
     activation alpha batch_size best_loss_ best_validation_score_ beta_1 beta_2 classes_ coefs_ \
     early_stopping epsilon hidden_layer_sizes intercepts_ learning_rate learning_rate_init loss \
     loss_ loss_curve_ max_fun max_iter momentum n_iter_ n_iter_no_change n_layers_ n_outputs_ \
     nesterovs_momentum out_activation_ power_t random_state shuffle solver t_ tol \
     validation_fraction validation_scores_ verbose warm_start",
    ),
    (
        "MLPRegressor",
        "_best_coefs _best_intercepts _no_improvement_count _optimizer _random_state activation alpha \
     batch_size best_loss_ best_validation_score_ beta_1 beta_2 coefs_ early_stopping epsilon \
     hidden_layer_sizes intercepts_ learning_rate learning_rate_init loss loss_ loss_curve_ max_fun \
     max_iter momentum n_iter_ n_iter_no_change n_layers_ n_outputs_ nesterovs_momentum \
     out_activation_ power_t random_state shuffle solver t_ tol validation_fraction \
     validation_scores_ verbose warm_start",
    ),
    ("MultiOutputRegressor", "estimator estimators_ n_jobs"),
    (
        "MultinomialNB",
        "alpha class_count_ class_log_prior_ class_prior classes_ feature_count_ feature_log_prob_ \
     fit_prior force_alpha",
    ),
    (
        "NuSVC",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse break_ties cache_size class_weight class_weight_ classes_ coef0 decision_function_shape \
     degree dual_coef_ epsilon fit_status_ gamma intercept_ kernel max_iter n_iter_ nu probability \
     random_state shape_fit_ shrinking support_ support_vectors_ tol verbose",
    ),
    (
        "NuSVR",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse cache_size class_weight class_weight_ coef0 degree dual_coef_ epsilon fit_status_ gamma \
     intercept_ kernel max_iter n_iter_ nu probability random_state shape_fit_ shrinking support_ \
     support_vectors_ tol verbose",
    ),
    (
        "PCA",
        "_fit_svd_solver _n_features_out components_ copy explained_variance_ explained_variance_ratio_ \
     iterated_power mean_ n_components n_components_ n_oversamples n_samples_ noise_variance_ \
     power_iteration_normalizer random_state singular_values_ svd_solver tol whiten",
    ),
    (
        "RFE",
        "estimator estimator_ importance_getter n_features_ n_features_to_select ranking_ step support_ \
     verbose",
    ),
    (
        "RFECV",
        "cv cv_results_ estimator estimator_ importance_getter min_features_to_select n_features_ n_jobs \
     ranking_ scoring step step_support_ support_ verbose",
    ),
    (
        "RandomizedSearchCV",
        "_checked_cv_orig best_estimator_ best_index_ best_params_ best_score_ cv cv_results_ error_score \
     estimator multimetric_ n_iter n_jobs n_splits_ param_distributions pre_dispatch random_state \
     refit refit_time_ return_train_score scorer_ scoring verbose",
    ),
    (
        "SVC",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse break_ties cache_size class_weight class_weight_ classes_ coef0 decision_function_shape \
     degree dual_coef_ epsilon fit_status_ gamma intercept_ kernel max_iter n_iter_ nu probability \
     random_state shape_fit_ shrinking support_ support_vectors_ tol verbose",
    ),
    (
        "SVR",
        "C _dual_coef_ _effective_probability _gamma _intercept_ _n_support _num_iter _probA _probB \
     _sparse cache_size class_weight class_weight_ coef0 degree dual_coef_ epsilon fit_status_ gamma \
     intercept_ kernel max_iter n_iter_ nu probability random_state shape_fit_ shrinking support_ \
     support_vectors_ tol verbose",
    ),
    ("SelectFpr", "alpha pvalues_ score_func scores_"),
    ("SelectFwe", "alpha pvalues_ score_func scores_"),
    ("SelectKBest", "k pvalues_ score_func scores_"),
    ("SelectPercentile", "percentile pvalues_ score_func scores_"),
    (
        "SequentialFeatureSelector",
        "cv direction estimator n_features_to_select n_features_to_select_ n_jobs scoring support_ tol",
    ),
    (
        "StackingClassifier",
        "_label_encoder _n_feature_outs classes_ cv estimators estimators_ final_estimator \
     final_estimator_ n_jobs named_estimators_ passthrough stack_method stack_method_ verbose",
    ),
    (
        "StackingRegressor",
        "_n_feature_outs cv estimators estimators_ final_estimator final_estimator_ n_jobs \
     named_estimators_ passthrough stack_method stack_method_ verbose",
    ),
    (
        "TruncatedSVD",
        "_n_features_out algorithm components_ explained_variance_ explained_variance_ratio_ n_components \
     n_iter n_oversamples power_iteration_normalizer random_state singular_values_ tol",
    ),
    (
        "VotingClassifier",
        "classes_ estimators estimators_ flatten_transform le_ n_jobs named_estimators_ verbose voting \
     weights",
    ),
    ("VotingRegressor", "estimators estimators_ n_jobs named_estimators_ verbose weights"),
    (
        "IsotonicRegression",
        "X_max_ X_min_ X_thresholds_ increasing increasing_ out_of_bounds y_max y_min y_thresholds_",
    ),
    (
        "KNeighborsClassifier",
        "_fit_X _fit_method _tree _y algorithm classes_ effective_metric_ effective_metric_params_ leaf_size metric \
         metric_params n_jobs n_neighbors n_samples_fit_ outputs_2d_ p radius weights",
    ),
    (
        "KNeighborsRegressor",
        "_fit_X _fit_method _tree _y algorithm effective_metric_ effective_metric_params_ leaf_size metric metric_params \
         n_jobs n_neighbors n_samples_fit_ p radius weights",
    ),
    ("MultiOutputClassifier", "classes_ estimator estimators_ n_jobs"),
    ("OneVsOneClassifier", "classes_ estimator estimators_ n_jobs pairwise_indices_"),
    ("OneVsRestClassifier", "classes_ estimator estimators_ label_binarizer_ n_jobs verbose"),
    ("PowerTransformer", "_scaler copy lambdas_ method standardize"),
    (
        "QuadraticDiscriminantAnalysis",
        "classes_ covariance_ covariance_estimator means_ priors priors_ reg_param rotations_ scalings_ shrinkage \
         solver store_covariance tol",
    ),
    (
        "QuantileTransformer",
        "copy ignore_implicit_zeros n_quantiles n_quantiles_ output_distribution quantiles_ random_state \
         references_ subsample",
    ),
    (
        "SelectFromModel",
        "estimator estimator_ importance_getter max_features max_features_ norm_order prefit threshold",
    ),
    (
        "TargetEncoder",
        "_infrequent_enabled categories categories_ classes_ cv encodings_ random_state shuffle smooth target_mean_ \
         target_type target_type_",
    ),
    (
        "ClassifierChain",
        "base_estimator chain_method chain_method_ classes_ cv estimator estimators_ order order_ random_state verbose",
    ),
    ("RegressorChain", "base_estimator cv estimator estimators_ order order_ random_state verbose"),
    (
        "RANSACRegressor",
        "base_estimator estimator estimator_ inlier_mask_ is_data_valid is_model_valid loss max_skips max_trials \
         min_samples n_skips_invalid_data_ n_skips_invalid_model_ n_skips_no_inliers_ n_trials_ random_state \
         residual_threshold stop_n_inliers stop_probability stop_score",
    ),
    (
        "SplineTransformer",
        "bsplines_ degree extrapolation handle_missing include_bias knots n_features_out_ n_knots order sparse_output",
    ),
    (
        "TransformedTargetRegressor",
        "_training_dim check_inverse func inverse_func regressor regressor_ transformer transformer_",
    ),
    (
        "LarsCV",
        "active_ alpha_ alphas_ coef_ coef_path_ copy_X cv cv_alphas_ eps fit_intercept fit_path intercept_ jitter \
         max_iter max_n_alphas method mse_path_ n_iter_ n_jobs n_nonzero_coefs normalize precompute random_state \
         verbose",
    ),
    (
        "LassoLarsCV",
        "active_ alpha_ alphas_ coef_ coef_path_ copy_X cv cv_alphas_ eps fit_intercept fit_path intercept_ jitter \
         max_iter max_n_alphas method mse_path_ n_iter_ n_jobs normalize positive precompute random_state verbose",
    ),
    (
        "OrthogonalMatchingPursuitCV",
        "coef_ copy cv fit_intercept intercept_ max_iter n_iter_ n_jobs n_nonzero_coefs_ normalize verbose",
    ),
    (
        "MultiTaskElasticNet",
        "alpha coef_ copy_X dual_gap_ eps_ fit_intercept intercept_ l1_ratio max_iter n_iter_ random_state \
         selection sparse_coef_ tol warm_start",
    ),
    (
        "MultiTaskElasticNetCV",
        "alpha_ alphas alphas_ coef_ copy_X cv dual_gap_ eps fit_intercept intercept_ l1_ratio l1_ratio_ max_iter \
         mse_path_ n_alphas n_iter_ n_jobs positive precompute random_state selection tol verbose",
    ),
    (
        "MultiTaskLasso",
        "alpha coef_ copy_X dual_gap_ eps_ fit_intercept intercept_ l1_ratio max_iter n_iter_ random_state \
         selection sparse_coef_ tol warm_start",
    ),
    (
        "MultiTaskLassoCV",
        "alpha_ alphas alphas_ coef_ copy_X cv dual_gap_ eps fit_intercept intercept_ max_iter mse_path_ n_alphas \
         n_iter_ n_jobs positive precompute random_state selection tol verbose",
    ),
    (
        "PLSRegression",
        "_n_features_out _norm_y_weights _predict_1d _x_mean _x_scores _x_std _y_mean _y_scores _y_std algorithm \
         coef_ copy deflation_mode intercept_ max_iter mode n_components n_iter_ scale tol x_loadings_ x_rotations_ \
         x_scores_ x_weights_ y_loadings_ y_rotations_ y_scores_ y_weights_",
    ),
];
