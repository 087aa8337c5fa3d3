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

export type OperatorKind = 'computes' | 'files' | 'unknown';

/** What the operator `library::name` can do. */
export function kindOfOperator(operator: string): OperatorKind {
  if (FILES.has(operator)) return 'files';
  const [library = '', name = ''] = operator.split('::');
  switch (library) {
    case 'aten':
      return computes(ATEN, name);
    case 'prim':
      return PRIM.has(name) ? 'computes' : 'unknown';
    case 'torchvision':
      return TORCHVISION.has(name) ? 'computes' : 'unknown';
    default:
      return 'unknown';
  }
}

/** Whether a name behind a dot, which no class of the program declares, is an operator or property of plain values. */
export function isValueMember(name: string): boolean {
  return (
    computes(ATEN, name) === 'computes' ||
    PRIM.has(name) ||
    ['T', 'H', 'mT', 'mH', 'real', 'imag'].includes(name)
  );
}

function computes(names: ReadonlySet<string>, name: string): OperatorKind {
  const inPlace = name.endsWith('_') && !name.endsWith('__');
  return names.has(inPlace ? name.slice(0, -1) : name) ? 'computes' : 'unknown';
}
