/**
 * PyTorch's operators that a program may use: they compute on tensors, numbers, texts, lists and dictionaries, and check
 * what they are given. Left out are those that open files, talk to other machines, take storage or packed weights of
 * libraries as they are, or are private to PyTorch.
 *
 * Source: the schemas that PyTorch 1.13 registers, and native_functions.yaml of 2.9. `x` stands for `x_` as well.
 */
const ATEN = new Set(
  `
  Bool Complex Delete Float FloatImplicit Int IntImplicit ScalarImplicit Size __and__ __contains__
  __derive_index __getitem__ __is__ __isnot__ __lshift__ __not__ __or__ __range_length
  __round_to_zero_floordiv __rshift__ __xor__ _convolution _infer_size _list_to_tensor _log_softmax
  _no_grad_fill _no_grad_normal _no_grad_uniform _no_grad_zero _set_item _shape_as_tensor _size_if_not_equal
  _softmax _tensor_to_list _unwrap_optional _upsample_bicubic2d_aa _upsample_bilinear2d_aa
  _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d _weight_norm abs absolute
  acos acosh adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
  adaptive_max_pool2d adaptive_max_pool3d add addbmm addcdiv addcmul addmm addmv addr adjoint
  affine_grid_generator alias alias_copy align_as align_tensors align_to all allclose alpha_dropout amax
  amin aminmax angle any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
  argsort argwhere as_strided as_strided_copy as_strided_scatter as_tensor asin asinh atan atan2 atanh
  atleast_1d atleast_2d atleast_3d avg_pool1d avg_pool2d avg_pool3d baddbmm bartlett_window batch_norm
  batch_norm_elemt batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats
  batch_norm_update_stats bernoulli bilinear bin binary_cross_entropy binary_cross_entropy_with_logits
  bincount binomial bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
  blackman_window block_diag bmm broadcast_tensors broadcast_to bucketize can_cast capitalize cartesian_prod
  cat cauchy ccol_indices ccol_indices_copy cdist ceil celu center chain_matmul chalf channel_shuffle
  cholesky cholesky_inverse cholesky_solve choose_qparams_optimized chr chunk clamp clamp_max clamp_min
  clear clip clone coalesce col2im col_indices col_indices_copy column_stack combinations complex concat
  concatenate conj conj_physical constant_pad_nd contiguous conv1d conv2d conv3d conv_tbc conv_transpose1d
  conv_transpose2d conv_transpose3d convolution convolution_overrideable copy copysign corrcoef cos cosh
  cosine_embedding_loss cosine_similarity count count_nonzero cov cpu cross cross_entropy_loss crow_indices
  crow_indices_copy ctc_loss cuda cummax cummin cumprod cumsum cumulative_trapezoid data deg2rad degrees
  dense_dim dequantize det detach detach_copy device diag diag_embed diagflat diagonal diagonal_copy
  diagonal_scatter dict diff digamma dim dist div divide divmod dot dropout dsplit dstack einsum
  element_size elu embedding embedding_bag embedding_renorm empty empty_like empty_permuted empty_quantized
  empty_strided endswith eq equal erf erfc erfinv exp exp2 expand expand_as expand_copy expandtabs expm1
  exponential extend eye fabs factorial fake_quantize_per_channel_affine
  fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine
  fake_quantize_per_tensor_affine_cachemask feature_alpha_dropout feature_dropout fft_fft fft_fft2
  fft_fftfreq fft_fftn fft_fftshift fft_hfft fft_hfft2 fft_hfftn fft_ifft fft_ifft2 fft_ifftn fft_ifftshift
  fft_ihfft fft_ihfft2 fft_ihfftn fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftfreq fft_rfftn
  fill fill_diagonal find fix flatten flatten_dense_tensors flip fliplr flipud float_power floor
  floor_divide floordiv fmax fmin fmod format frac fractional_max_pool2d fractional_max_pool3d frexp
  frobenius_norm full full_like fused_moving_avg_obs_fake_quant gamma gather gcd ge gelu geometric geqrf ger
  get get_device glu grad gradient greater greater_equal grid_sampler grid_sampler_2d grid_sampler_3d
  group_norm gru gru_cell gt hamming_window hann_window hardshrink hardsigmoid hardswish hardtanh
  has_torch_function hash heaviside hex hinge_embedding_loss histc histogram histogramdd hsplit hspmm hstack
  huber_loss hypot i0 igamma igammac im2col imag index index_add index_copy index_fill index_put
  index_reduce index_select indices indices_copy inner insert instance_norm int_repr inverse
  is_autocast_cpu_enabled is_autocast_enabled is_coalesced is_complex is_conj is_contiguous is_distributed
  is_floating_point is_grad_enabled is_inference is_neg is_non_overlapping_and_dense is_nonzero is_same_size
  is_scripting is_set_to is_signed is_strides_like_format is_vulkan_available isalnum isalpha isclose
  isdecimal isdigit isfinite isidentifier isin isinf islower isnan isneginf isnumeric isposinf isprintable
  isreal isspace istft istitle isupper item items join kaiser_window keys kl_div kron kthvalue l1_loss
  layer_norm lcm ldexp le leaky_relu len lerp less less_equal lgamma lift lift_fresh lift_fresh_copy
  linalg_cholesky linalg_cholesky_ex linalg_cond linalg_cross linalg_det linalg_diagonal linalg_eig
  linalg_eigh linalg_eigvals linalg_eigvalsh linalg_householder_product linalg_inv linalg_inv_ex
  linalg_ldl_factor linalg_ldl_factor_ex linalg_ldl_solve linalg_lstsq linalg_lu linalg_lu_factor
  linalg_lu_factor_ex linalg_lu_solve linalg_matmul linalg_matrix_exp linalg_matrix_norm linalg_matrix_power
  linalg_matrix_rank linalg_multi_dot linalg_norm linalg_pinv linalg_qr linalg_slogdet linalg_solve
  linalg_solve_ex linalg_solve_triangular linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve
  linalg_vander linalg_vecdot linalg_vector_norm linear linspace list ljust log log10 log1p log2 log_normal
  log_sigmoid log_sigmoid_forward log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and
  logical_not logical_or logical_xor logit logspace logsumexp lower lstm lstm_cell lstrip lt lu_solve
  lu_unpack mH mT manual_seed margin_ranking_loss masked_fill masked_scatter masked_select mathremainder
  matmul matrix_H matrix_exp matrix_power max max_pool1d max_pool1d_with_indices max_pool2d
  max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d max_unpool3d maximum mean median
  meshgrid min minimum mish mm mode modf moveaxis movedim mse_loss msort mul multi_margin_loss
  multilabel_margin_loss multilabel_margin_loss_forward multinomial multiply mv mvlgamma nan_to_num nanmean
  nanmedian nanquantile nansum narrow narrow_copy native_batch_norm native_channel_shuffle native_dropout
  native_group_norm native_layer_norm native_norm ne neg negative new_empty new_empty_strided new_full
  new_ones new_zeros nextafter nll_loss nll_loss2d nll_loss2d_forward nll_loss_forward nll_loss_nd nonzero
  nonzero_numpy nonzero_static norm norm_except_dim normal normal_functional not_equal nuclear_norm numel
  numpy_T oct one_hot ones ones_like ord orgqr ormqr outer pad pad_sequence pairwise_distance partition
  pdist percentFormat permute permute_copy pinverse pixel_shuffle pixel_unshuffle poisson poisson_nll_loss
  polar polygamma pop popitem positive pow prelu prod promote_types put q_per_channel_axis
  q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qr qscheme quantile
  quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic rad2deg radians rand rand_like
  randint randint_like randn randn_like random randperm range ravel real reciprocal refine_names
  reflection_pad1d reflection_pad2d reflection_pad3d relu relu6 remainder remove rename renorm repeat
  repeat_interleave replace replication_pad1d replication_pad2d replication_pad3d requires_grad reshape
  reshape_as resolve_conj resolve_neg result_type reverse rfind rindex rjust rms_norm rnn_relu rnn_relu_cell
  rnn_tanh rnn_tanh_cell roll rot90 round row_indices row_indices_copy row_stack rpartition rrelu
  rrelu_with_noise rsplit rsqrt rstrip rsub scalar_tensor scaled_dot_product_attention scatter scatter_add
  scatter_reduce searchsorted select select_copy select_scatter selu set_grad_enabled setdefault sgn sigmoid
  sign signbit silu sin sinc sinh size slice slice_copy slice_scatter slogdet smm smooth_l1_loss
  soft_margin_loss softmax softplus softshrink sort sorted sparse_bsc_tensor sparse_bsr_tensor
  sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor sparse_csr_tensor sparse_dim sparse_mask
  sparse_sampled_addmm special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0
  special_bessel_y1 special_chebyshev_polynomial_t special_chebyshev_polynomial_u
  special_chebyshev_polynomial_v special_chebyshev_polynomial_w special_digamma special_entr special_erf
  special_erfc special_erfcx special_erfinv special_exp2 special_expit special_expm1 special_gammainc
  special_gammaincc special_gammaln special_hermite_polynomial_h special_hermite_polynomial_he special_i0
  special_i0e special_i1 special_i1e special_laguerre_polynomial_l special_legendre_polynomial_p
  special_log1p special_log_ndtr special_log_softmax special_logit special_logsumexp
  special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0
  special_modified_bessel_k1 special_multigammaln special_ndtr special_ndtri special_polygamma special_psi
  special_round special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1
  special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u
  special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w special_sinc special_softmax
  special_spherical_bessel_j0 special_xlog1py special_xlogy special_zeta split split_copy split_with_sizes
  split_with_sizes_copy splitlines sqrt square squeeze squeeze_copy sspaddmm stack startswith std std_mean
  stft storage_offset str stride strip sub subtract sum sum_to_size svd swapaxes swapcase swapdims symeig t
  t_copy take take_along_dim tan tanh tensor tensor_split tensordot threshold tile title to to_dense
  to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr to_sparse_csc to_sparse_csr topk trace transpose
  transpose_copy trapezoid trapz triangular_solve tril tril_indices triplet_margin_loss triu triu_indices
  true_divide trunc type_as unbind unbind_copy unflatten unflatten_dense_tensors unfold unfold_copy uniform
  unique_consecutive unique_dim unique_dim_consecutive unsqueeze unsqueeze_copy update upper
  upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
  upsample_nearest3d upsample_trilinear3d values values_copy vander var var_mean vdot view view_as
  view_as_complex view_as_complex_copy view_as_real view_as_real_copy view_copy vsplit vstack wait warn
  where xlogy zero zeros zeros_like zfill
  `.match(/\w+/g),
);

/** What values say of themselves, and forms of the language that are written as operators. */
const PRIM = new Set(
  `
  EnumName EnumValue ModuleContainerIndex NumToTensor Print RaiseException StringIndex TimePoint TupleIndex
  Uninitialized abs data device dtype grad id index is_cpu is_cuda is_meta is_mkldnn is_mps is_nested is_quantized
  is_sparse is_sparse_csr is_xla is_xpu itemsize layout max min name nbytes ndim rangelist requires_grad shape tolist
  type unchecked_cast unchecked_unwrap_optional
  `.match(/\w+/g),
);

const TORCHVISION = new Set(['nms', 'roi_align', 'roi_pool']);

/** Operators that open files of whoever runs the program. */
const FILES = new Set([
  'aten::from_file',
  'aten::save',
  'image::read_file',
  'image::write_file',
  'torchvision::read_file',
  'torchvision::write_file',
]);

/**
 * PyTorch's operators outside of the list above that a value may reach behind a dot: a member that its type lacks is the
 * operator of that name, if it has an argument `self`. The attacker's move: a class that declares the name, so that it looks
 * like the program's own. `save` and `from_file` have no such argument yet. Without `resize`, which only computes.
 *
 * Source: the schemas that PyTorch 1.13 registers, with what came later up to 2.9. `x` stands for `x_` as well.
 */
const OUTSIDE = new Set(
  `
  __iand__ __ilshift__ __ior__ __irshift__ __ixor__ _adaptive_avg_pool2d _adaptive_avg_pool2d_backward
  _adaptive_avg_pool3d _adaptive_avg_pool3d_backward _add_batch_dim _add_relu _addmm_activation _aminmax
  _amp_foreach_non_finite_check_and_unscale _amp_update_scale _assert_async _assert_scalar
  _autocast_to_full_precision _autocast_to_reduced_precision _backward _cast_Byte _cast_Char _cast_Double
  _cast_Float _cast_Half _cast_Int _cast_Long _cast_Short _cholesky_solve_helper _choose_qparams_per_tensor
  _coalesce _coalesced _conj _conj_copy _conj_physical _conv_depthwise2d _convert_indices_from_coo_to_csr
  _convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu _convolution_double_backward _copy_from
  _copy_from_and_resize _cummax_helper _cummin_helper _debug_has_internal_overlap _dimI _dimV
  _fake_quantize_learnable_per_channel_affine _fake_quantize_learnable_per_channel_affine_backward
  _fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_tensor_affine_backward
  _fake_quantize_per_tensor_affine_cachemask_tensor_qparams _fft_c2c _fft_c2r _fft_r2c
  _fill_mem_eff_dropout_mask _foobar _foreach_abs _foreach_acos _foreach_add _foreach_addcdiv
  _foreach_addcmul _foreach_asin _foreach_atan _foreach_ceil _foreach_clamp_max _foreach_clamp_min
  _foreach_clone _foreach_copy _foreach_cos _foreach_cosh _foreach_div _foreach_erf _foreach_erfc
  _foreach_exp _foreach_expm1 _foreach_floor _foreach_frac _foreach_lerp _foreach_lgamma _foreach_log
  _foreach_log10 _foreach_log1p _foreach_log2 _foreach_max _foreach_maximum _foreach_minimum _foreach_mul
  _foreach_neg _foreach_norm _foreach_pow _foreach_powsum _foreach_reciprocal _foreach_round _foreach_rsqrt
  _foreach_sigmoid _foreach_sign _foreach_sin _foreach_sinh _foreach_sqrt _foreach_sub _foreach_tan
  _foreach_tanh _foreach_trunc _foreach_zero _functional_assert_async _functional_assert_scalar
  _fused_adagrad _fused_adam _fused_adamw _fused_dropout _fused_moving_avg_obs_fq_helper
  _fused_moving_avg_obs_fq_helper_functional _fused_sgd _fw_primal _fw_primal_copy _gather_sparse_backward
  _grad_sum_to_size _grouped_mm _has_compatible_shallow_copy_type _has_same_storage_numel
  _histogramdd_bin_edges _histogramdd_from_bin_cts _histogramdd_from_bin_tensors _index_put_impl _indices
  _indices_copy _int_mm _is_all_true _is_any_true _is_zerotensor _jagged_to_padded_dense_forward _lazy_clone
  _linalg_eigvals _local_scalar_dense _logcumsumexp _lu_with_info _make_per_channel_quantized_tensor
  _make_per_tensor_quantized_tensor _masked_scale _masked_softmax _mkldnn_reshape _mkldnn_transpose
  _mps_convolution _mps_convolution_transpose _mps_max_pool2d _ncf_unsqueeze _ncf_view _neg_view
  _neg_view_copy _nested_get_jagged_dummy _nested_get_lengths _nested_get_max_seqlen _nested_get_min_seqlen
  _nested_get_offsets _nested_get_ragged_idx _nested_get_values _nested_get_values_copy
  _nested_select_backward _nested_sum_backward _nested_tensor_layer_norm _nested_tensor_offsets
  _nested_tensor_size _nested_tensor_softmax_with_shape _nested_tensor_storage_offsets
  _nested_tensor_strides _nested_view_from_buffer _nested_view_from_buffer_copy _nested_view_from_jagged
  _nested_view_from_jagged_copy _new_zeros_with_same_feature_meta _nnz _pad_circular _pad_enum
  _pdist_backward _pdist_forward _pin_memory _prelu_kernel _prelu_kernel_backward _propagate_xla_data
  _remove_batch_dim _reshape_alias _reshape_alias_copy _reshape_copy _reshape_from_tensor _resize_output
  _sample_dirichlet _scaled_grouped_mm _scaled_grouped_mm_v2 _scaled_mm _scaled_mm_v2 _slow_conv2d_backward
  _slow_conv2d_forward _sobol_engine_ff_ _sobol_engine_initialize_state_ _sobol_engine_scramble_
  _sparse_addmm _sparse_broadcast_to _sparse_broadcast_to_copy _sparse_csr_prod _sparse_csr_sum
  _sparse_log_softmax _sparse_log_softmax_backward_data _sparse_mask_projection _sparse_mm_reduce_impl
  _sparse_mm_reduce_impl_backward _sparse_softmax _sparse_softmax_backward_data _sparse_sparse_matmul
  _sparse_sum _sparse_sum_backward _spsolve _standard_gamma _standard_gamma_grad _symeig_helper
  _test_autograd_multiple_dispatch _test_autograd_multiple_dispatch_view
  _test_autograd_multiple_dispatch_view_copy _test_functorch_fallback _test_parallel_materialize
  _test_serialization_subcmul _test_warn_in_autograd _to_copy _to_dense _to_sparse _to_sparse_bsc
  _to_sparse_bsr _to_sparse_csc _to_sparse_csr _torch_cuda_cu_linker_symbol_op _unique _unique2
  _unsafe_index _unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate _unsafe_view
  _values _values_copy _version _weight_int4pack_mm _weight_int4pack_mm_for_cpu
  _weight_int4pack_mm_with_scales_and_zeros _weight_int8pack_mm adaptive_avg_pool3d_backward
  adaptive_max_pool2d_backward adaptive_max_pool3d_backward avg_pool2d_backward avg_pool3d_backward backward
  batch_norm_backward binary_cross_entropy_backward confirmed_by_owner conv_depthwise3d conv_tbc_backward
  copy_sparse_to_sparse cudnn_convolution cudnn_convolution_add_relu cudnn_convolution_relu
  cudnn_convolution_transpose cudnn_grid_sampler cudnn_grid_sampler_backward cudnn_is_acceptable
  fractional_max_pool2d_backward fractional_max_pool3d_backward from_file gather_backward gelu_backward
  glu_backward hardshrink_backward hardsigmoid_backward hardswish_backward hardtanh_backward hash_tensor
  huber_loss_backward infinitely_differentiable_gelu_backward is_leaf is_owner is_pinned leaky_relu_backward
  linalg__powsum linear_backward local_value log_sigmoid_backward logit_backward matmul_backward
  matrix_exp_backward max_pool2d_backward max_pool2d_with_indices_backward max_pool3d_with_indices_backward
  miopen_convolution miopen_convolution_add_relu miopen_convolution_relu miopen_convolution_transpose
  miopen_depthwise_convolution mish_backward mkldnn_adaptive_avg_pool2d mkldnn_adaptive_avg_pool2d_backward
  mkldnn_convolution mkldnn_linear mkldnn_linear_backward mkldnn_max_pool2d mkldnn_max_pool3d
  mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight mkldnn_rnn_layer mps_convolution_backward
  mps_convolution_transpose_backward mps_max_pool2d_backward mse_loss_backward multi_margin_loss_backward
  multilabel_margin_loss_backward nested_to_padded_tensor nll_loss2d_backward nll_loss_backward output_nr
  owner owner_name pin_memory prelu_backward quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d
  record_stream reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward
  replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward resize_ resize_as
  resize_as_sparse retain_grad retains_grad rrelu_with_noise_backward save set set_data silu_backward
  slow_conv3d slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d slow_conv_transpose2d
  slow_conv_transpose3d smooth_l1_loss_backward soft_margin_loss_backward softplus_backward
  softshrink_backward sparse_resize sparse_resize_and_clear sym_is_contiguous sym_numel sym_size
  sym_storage_offset sym_stride thnn_conv2d threshold_backward to_here to_mkldnn unsafe_chunk unsafe_split
  unsafe_split_with_sizes
  `.match(/\w+/g),
);

export type OperatorKind = 'computes' | 'files' | 'unknown';

/** What the operator `library::name` can do. */
export function kindOfOperator(operator: string): OperatorKind {
  if (FILES.has(operator)) return 'files';
  const [library = '', name = ''] = operator.split('::');
  switch (library) {
    case 'aten':
      return holds(ATEN, name) ? 'computes' : 'unknown';
    case 'prim':
      return PRIM.has(name) ? 'computes' : 'unknown';
    case 'torchvision':
      return TORCHVISION.has(name) ? 'computes' : 'unknown';
    default:
      return 'unknown';
  }
}

/** Whether a name behind a dot may be an operator that does more than compute, whoever else declares it. */
export function isOutsideMember(name: string): boolean {
  return OUTSIDE.has(name) || holds(OUTSIDE, name);
}

/** Whether a name behind a dot, which no class of the program declares, is an operator or property of plain values. */
export function isValueMember(name: string): boolean {
  return holds(ATEN, name) || PRIM.has(name) || ['T', 'H', 'mT', 'mH', 'real', 'imag'].includes(name);
}

/** Whether a name is in a list by itself or, where it works in place, without its last underscore. */
function holds(names: ReadonlySet<string>, name: string): boolean {
  const inPlace = name.endsWith('_') && !name.endsWith('__');
  return names.has(inPlace ? name.slice(0, -1) : name);
}
